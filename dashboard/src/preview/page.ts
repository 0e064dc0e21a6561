import './page.css';

/** Somebody's page, drawn in outlines: what it says is none of our business. */
const OUTLINE: [string, number][] = [
  ['eyebrow', 1],
  ['heading', 2],
  ['line', 3],
  ['pill', 1],
];

function box(name: string, ...children: (Node | string)[]): HTMLElement {
  const made = document.createElement('div');
  made.className = name;
  made.append(...children);
  return made;
}

const many = (name: string, count: number) => Array.from({ length: count }, () => box(name));

function outlined(): HTMLElement {
  const brand = box('brand', box('mark'), box('name'));
  const hero = box(
    'hero',
    box('words', ...OUTLINE.flatMap(([name, count]) => many(name, count))),
    box('image'),
  );
  const cards = many('card', 3);
  for (const card of cards) card.append(box('image'), box('heading'), ...many('line', 2));
  const place = box('place');
  place.dataset.contactbarInline = '';
  return box(
    'page',
    box('top', brand, box('links', ...many('line', 4))),
    hero,
    place,
    box('cards', ...cards),
    box('text', ...many('line', 9)),
    box('cards', ...cards.map((card) => card.cloneNode(true))),
  );
}

let shown: Blob | undefined;
let address = '';

/** Draws what stands behind the bar. */
export function drawPage(host: string, dark: boolean, picture: Blob | undefined) {
  document.documentElement.dataset.scheme = dark ? 'dark' : 'light';
  let page = document.querySelector<HTMLElement>('body > .page');
  if (!page) {
    page = outlined();
    document.body.append(page);
  }
  page.querySelector('.name')!.textContent = host;
  if (picture === shown) return;
  shown = picture;
  page.querySelector('.picture')?.remove();
  URL.revokeObjectURL(address);
  page.classList.toggle('pictured', picture !== undefined);
  if (!picture) return;
  const image = new Image();
  image.className = 'picture';
  image.alt = '';
  address = URL.createObjectURL(picture);
  image.src = address;
  page.prepend(image);
}
