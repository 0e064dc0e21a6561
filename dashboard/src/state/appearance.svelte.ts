/** Light, dark, or as the system has it: this browser's own, not the account's. */
export type Appearance = 'system' | 'light' | 'dark';
const KEY = 'contactbar.appearance';

function stored(): Appearance {
  const value = localStorage.getItem(KEY);
  return value === 'light' || value === 'dark' ? value : 'system';
}

let chosen = $state<Appearance>(stored());

function apply() {
  if (chosen === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = chosen;
}

export const appearance = {
  get chosen() {
    return chosen;
  },
  set(value: Appearance) {
    chosen = value;
    if (value === 'system') localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, value);
    apply();
  },
};

apply();
