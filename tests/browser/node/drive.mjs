// Chromium at the other end of a pipe: a line of JSON asks, a line of JSON answers.
import { basename, join } from "node:path";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const PATIENCE = 20_000;
const [executablePath, ...args] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath, args });
const tabs = [];
process.stdin.on("end", () => browser.close());

// What a page complains of is written down: a test that failed shows it.
function listen(page, log) {
  page.on("console", (message) => log.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => log.push(`uncaught: ${error}`));
  page.on("requestfailed", (r) => log.push(`failed: ${r.url()} ${r.failure()?.errorText}`));
}

const actions = {
  async open({ options }) {
    const context = await browser.newContext(options);
    context.setDefaultTimeout(PATIENCE);
    const log = [];
    context.on("page", (page) => listen(page, log));
    await context.newPage();
    return tabs.push({ context, log }) - 1;
  },
  // A way through Playwright's own objects, from the newest page on: [name, ...arguments] each.
  async walk({ tab, steps }) {
    let at = tabs[tab].context.pages().at(-1);
    for (const [name, ...given] of steps) {
      at = typeof at[name] === "function" ? await at[name](...given) : at[name];
    }
    return at;
  },
  // Waits until so many pages are open: one more is a popup, one less its end.
  async pages({ tab, count }) {
    const { context } = tabs[tab];
    while (context.pages().length < count) await context.waitForEvent("page");
    while (context.pages().length > count) await context.pages().at(-1).waitForEvent("close");
  },
  // Answers requests of a pattern with files of a folder, where a page takes them from a CDN.
  async serve({ tab, pattern, folder }) {
    await tabs[tab].context.route(pattern, (route) => {
      const { pathname } = new URL(route.request().url());
      return route.fulfill({ path: join(folder, basename(pathname)) });
    });
  },
  async log({ tab }) {
    return tabs[tab].log;
  },
  async close({ tab }) {
    await tabs[tab].context.close();
  },
};

// Playwright's objects stay here.
function plain(value) {
  const kind = value !== null && typeof value === "object" && value.constructor;
  return value === undefined || (kind && kind !== Object && kind !== Array) ? null : value;
}

// Some of what Playwright does waits for ever.
function soon(promise) {
  const late = new Promise((_, reject) => {
    setTimeout(() => reject(new Error("it takes too long")), 2 * PATIENCE).unref();
  });
  return Promise.race([promise, late]);
}

for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  let answer;
  try {
    answer = { value: plain(await soon(actions[asked.action](asked))) };
  } catch (error) {
    answer = { error: String(error) };
  }
  console.log(JSON.stringify(answer));
}
