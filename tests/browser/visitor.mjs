// A visitor in a real browser: opens a page, sees the bar, writes into its form, presses its button.
//   visitor.mjs PAGE SCREENSHOTS   prints one line of JSON: what the page heard, saw and was refused
// The shadow root is closed; only this test, which wraps attachShadow before the page begins, may look inside, and
// it only looks: every click and key goes through the browser's own input.
import { chromium } from "playwright-core";

const [page_url, folder, email] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM,
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-blink-features=AutomationControlled"],
});
try {
  // Robots are not counted: a visitor neither calls itself headless nor says that it is driven.
  const userAgent = `Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${browser.version()} Safari/537.36`;
  const page = await browser.newPage({ viewport: { width: 1100, height: 700 }, userAgent });
  const refused = [];
  page.on("console", (message) => message.type() === "error" && refused.push(message.text()));
  page.on("pageerror", (error) => refused.push(String(error)));
  const answers = [];
  page.on("response", (answer) => answers.push([answer.request().method(), new URL(answer.url()).pathname, answer.status()]));
  await page.addInitScript(() => {
    window.heard = [];
    for (const name of ["show", "click", "close", "submit", "error"])
      document.addEventListener(`contactbar:${name}`, () => window.heard.push(name));
    const attach = Element.prototype.attachShadow;
    Element.prototype.attachShadow = function (how) {
      window.mode = how.mode;
      return (window.root = attach.call(this, how));
    };
  });
  await page.goto(page_url);
  await page.waitForFunction(() => window.heard.includes("show"));

  /** The middle of an element of the bar that the visitor can see there: nothing of the page lies over it. */
  const place = (selector) =>
    page.waitForFunction((selector) => {
      const element = window.root.querySelector(selector);
      const box = element?.getBoundingClientRect();
      if (!box || box.width < 20 || box.height < 20) return null;
      // Not while it still moves into place.
      const at = `${box.x} ${box.y}`;
      const moved = element.lastAt !== at;
      element.lastAt = at;
      if (moved || window.root.host.getAnimations({ subtree: true }).some((one) => one.playState === "running")) return null;
      const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
      return document.elementFromPoint(x, y) === window.root.host && { x, y };
    }, selector).then((handle) => handle.jsonValue());

  await place("input[type=email]");
  await page.screenshot({ path: `${folder}/open.png` });
  const stored = await page.evaluate(
    () => Object.keys(localStorage).length + Object.keys(sessionStorage).length + document.cookie.length,
  );
  // Taking the picture has given a cold browser time to lay the page out once more: look again.
  const field = await place("input[type=email]");
  await page.mouse.click(field.x, field.y);
  await page.waitForFunction(() => window.root.activeElement?.type === "email");
  await page.keyboard.type(email, { delay: 70 }); // as people type: what fills a form at once is a robot
  const button = await place("button[type=submit], form button:not([type=button])");
  await page.mouse.click(button.x, button.y);
  await page.waitForFunction(() => window.heard.includes("submit"));
  const text = await page.evaluate(() => window.root.textContent);
  await page.screenshot({ path: `${folder}/success.png` });
  await page.waitForLoadState("networkidle");
  const globals = await page.evaluate(() => ({
    heard: window.heard,
    mode: window.mode,
  }));
  // Leaving the page must lose nothing and count nothing twice.
  await page.goto("about:blank");
  console.log(JSON.stringify({ ...globals, stored, text, refused, answers }));
} finally {
  await browser.close();
}
