/** What a page sees of us. It is written down where pages find it: the package's types. */
export type { Api, Command, Detail, EventName } from '../index';
