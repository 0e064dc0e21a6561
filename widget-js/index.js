// Loads bars into a page. Importing this does nothing, on a server or in a browser; load() does, in a browser.

const COMMANDS = 'open close toggle identify setLocale start optOut optIn on off'.split(' ');
const KEY = /^[\w-]{1,64}$/;
const HASH = /^[0-9a-f]{64}$/;

/** Bars on their way or there, by key. */
const loaded = new Map();
/** The addresses that scripts may be loaded from, by what load() was told. */
const allowed = new Set();
let policy;

const inBrowser = () => typeof window === 'object' && typeof document === 'object';

/** The API in the page, once a script of ours has run. */
function api() {
  const known = inBrowser() ? window.contactbar : undefined;
  return Array.isArray(known) ? undefined : known;
}

export const contactbar = Object.freeze({
  push(...commands) {
    if (!inBrowser()) return;
    window.contactbar ??= [];
    window.contactbar.push(...commands);
  },
  ...Object.fromEntries(COMMANDS.map((name) => [name, (...rest) => contactbar.push([name, ...rest])])),
  destroy(key) {
    for (const [known, entry] of loaded) {
      if (key !== undefined && key !== known) continue;
      // One that is still on its way is taken away when it arrives, unless it is asked for again.
      entry.unwanted = true;
      if (entry.there) forget(known, entry);
    }
    api()?.destroy(key);
  },
});

/** What load() answers where there is nothing to show: on a server, and for a bar that is paused. */
const nothing = Object.freeze({
  ...Object.fromEntries([...COMMANDS, 'push', 'destroy'].map((name) => [name, () => {}])),
  optedOut: () => true,
});

export async function load(options) {
  const url = addressOf(options);
  if (!inBrowser()) return nothing;
  const { key } = options;
  const known = loaded.get(key);
  if (known) {
    known.unwanted = false;
    return known.promise;
  }
  const entry = { there: false, unwanted: false };
  loaded.set(key, entry);
  entry.promise = insert(url, options, entry).catch((error) => {
    forget(key, entry);
    throw error;
  });
  return entry.promise;
}

function addressOf({ key, host, hash, integrity }) {
  if (!KEY.test(key)) throw new TypeError(`contactbar: ${key} is not the key of a bar`);
  if (!/^https?:\/\/[^?#]+$/.test(host)) {
    throw new TypeError(`contactbar: host must be an address such as https://bars.example, not ${host}`);
  }
  if (hash !== undefined && !HASH.test(hash))
    throw new TypeError(`contactbar: ${hash} is not the hash of a script`);
  if (integrity && !hash) {
    throw new TypeError('contactbar: integrity needs the hash of a version, for other scripts change');
  }
  return new URL(`${host.replace(/\/+$/, '')}/b/${key}${hash ? `/${hash}` : ''}.js`).href;
}

async function insert(url, { key, manual, locale, nonce, integrity }, entry) {
  const tag = document.createElement('script');
  entry.tag = tag;
  tag.async = true;
  if (manual) tag.dataset.manual = '';
  if (locale) tag.dataset.locale = locale;
  if (nonce) tag.nonce = nonce;
  if (integrity) {
    tag.integrity = integrity;
    tag.crossOrigin = 'anonymous';
  }
  assignAddress(tag, url);
  await new Promise((resolve, reject) => {
    tag.onload = resolve;
    tag.onerror = () => {
      const why = 'a Content-Security-Policy, an integrity that does not fit, a blocker, or the network';
      reject(new Error(`contactbar: ${url} did not load. In its way may be ${why}.`));
    };
    (document.head ?? document.documentElement).append(tag);
  });
  entry.there = true;
  if (entry.unwanted) {
    forget(key, entry);
    api()?.destroy(key);
  }
  return api() ?? nothing;
}

function forget(key, entry) {
  entry.tag?.remove();
  if (loaded.get(key) === entry) loaded.delete(key);
}

function assignAddress(tag, url) {
  allowed.add(url);
  try {
    tag.src = trusted(url);
  } catch (cause) {
    const message =
      'contactbar: this page requires Trusted Types. Allow the policy “contactbar” in its Content-Security-Policy: ' +
      'add `contactbar` to `trusted-types`';
    throw new Error(message, { cause });
  }
}

/** With a policy of ours, if the page lets us have one; it knows no other addresses than those asked for. */
function trusted(url) {
  if (!window.trustedTypes) return url;
  try {
    policy ??= window.trustedTypes.createPolicy('contactbar', {
      createScriptURL(text) {
        if (allowed.has(text)) return text;
        throw new TypeError(`contactbar: ${text} was not asked for`);
      },
    });
  } catch {
    return url; // no policy is needed, or the page's default one decides
  }
  return policy.createScriptURL(url);
}
