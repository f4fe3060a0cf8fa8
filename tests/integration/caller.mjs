// The page's callApi with a PublicClientApplication whose user is the test: lines out and in.
import { createInterface } from "node:readline";

const [page, url, ...scopes] = process.argv.slice(2);
const { callApi } = await import(page);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

async function ask(name, request) {
  console.log(JSON.stringify({ name, request }));
  return { accessToken: (await lines.next()).value };
}

const msal = {
  acquireTokenSilent: (request) => ask("silent", request),
  acquireTokenPopup: (request) => ask("popup", request),
};
const response = await callApi(msal, scopes, url);
console.log(JSON.stringify({ name: "done", status: response.status, body: await response.json() }));
process.exit(0);
