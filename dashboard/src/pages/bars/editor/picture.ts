/** Pictures of members' pages, behind the preview: kept in this browser, sent nowhere. */

const STORE = 'pictures';

function database(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open('contactbar', 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
    opening.onsuccess = () => resolve(opening.result);
    opening.onerror = () => reject(opening.error);
  });
}

async function use<T>(mode: IDBTransactionMode, act: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const open = await database();
  try {
    return await new Promise((resolve, reject) => {
      const request = act(open.transaction(STORE, mode).objectStore(STORE));
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
  } finally {
    open.close();
  }
}

/** The picture for a bar; none where there is none, or where the browser keeps nothing. */
export async function findPicture(bar: string): Promise<Blob | undefined> {
  try {
    return (await use('readonly', (store) => store.get(bar) as IDBRequest<Blob | undefined>)) ?? undefined;
  } catch {
    return undefined;
  }
}

/** Keeps it, or forgets the one that was kept. */
export async function keepPicture(bar: string, picture: Blob | undefined): Promise<void> {
  try {
    if (picture) await use('readwrite', (store) => store.put(picture, bar));
    else await use('readwrite', (store) => store.delete(bar));
  } catch {
    // It is still there until the page goes.
  }
}
