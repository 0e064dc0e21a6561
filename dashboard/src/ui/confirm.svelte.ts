/** Asks before what can't be undone: `if (await confirm({ … })) …`. */
export type Question = {
  title: string;
  text: string;
  /** What the button does, said as a verb. */
  action: string;
  danger?: boolean;
  /** A word to be typed first, where much is at stake. */
  word?: string;
};

let asked = $state.raw<{ question: Question; answer: (yes: boolean) => void }>();

export const confirmation = {
  get asked() {
    return asked;
  },
  answer(yes: boolean) {
    asked?.answer(yes);
    asked = undefined;
  },
};

export function confirm(question: Question): Promise<boolean> {
  confirmation.answer(false);
  return new Promise((answer) => {
    asked = { question, answer };
  });
}
