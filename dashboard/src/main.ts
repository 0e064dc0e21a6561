// Asks for everything that the first page needs at once: the app, its words, and the page where somebody comes in. What
// comes meanwhile is there when it is needed; if it does not come, who needs it asks again, and says so.

import './theme.css';
import { browsersLanguage, catalogues } from './i18n/languages';
import { wayIn } from './pages/entry/ways-in';

const page = wayIn(location.pathname);
Promise.all([page?.(), catalogues[browsersLanguage()]()]).catch(() => {});
void import('./app').then(({ start }) => start());
