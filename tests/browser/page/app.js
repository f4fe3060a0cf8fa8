// A single-page app as its developers would write it; "?popup" signs in without leaving the page.
import { callApi, challengeOf, interactionFor } from "./how-to/challenge.mjs";

const settings = await (await fetch("settings.json")).json();
const popup = location.search === "?popup";
const scopes = [settings.scope];
const { authority, clientId } = settings;
const bridge = `${location.origin}/redirect.html`;

const client = new msal.PublicClientApplication({
  auth: {
    clientId,
    authority,
    knownAuthorities: [new URL(authority).host],
    redirectUri: popup ? bridge : `${location.origin}/`,
    clientCapabilities: ["CP1"],
  },
});

async function signIn() {
  if (!popup) return client.loginRedirect({ scopes, state: "/me" });
  client.setActiveAccount((await client.loginPopup({ scopes })).account);
  await call("/me");
}

// A redirect ends the page; its next life goes on from here.
async function arrived(signedIn) {
  if (!signedIn) return;
  client.setActiveAccount(signedIn.account);
  await call(signedIn.state);
}

async function call(path) {
  const url = settings.api + path;
  if (popup) return answered(await callApi(client, scopes, url));
  const { accessToken } = await client.acquireTokenSilent({ scopes });
  const response = await fetch(url, { headers: { Authorization: `Bearer ${accessToken}` } });
  const challenge = await challengeOf(response);
  if (challenge) offer({ ...interactionFor(challenge, scopes), state: path });
  await answered(response);
}

function offer(request) {
  const button = document.getElementById("continue");
  button.hidden = false;
  button.onclick = () => told(() => client.acquireTokenRedirect(request));
}

async function renew() {
  const taken = await client.acquireTokenSilent({ scopes });
  const fresh = await client.acquireTokenSilent({ scopes, forceRefresh: true });
  show({
    cached: [taken.fromCache, fresh.fromCache],
    changed: taken.accessToken !== fresh.accessToken,
  });
}

// As after a restart of the browser: the session at Entra ID is all that is left.
async function resume() {
  const loginHint = client.getActiveAccount().username;
  sessionStorage.clear();
  const signedIn = await client.ssoSilent({ scopes, loginHint, redirectUri: bridge });
  client.setActiveAccount(signedIn.account);
  show({ username: signedIn.account.username });
}

async function answered(response) {
  show({ status: response.status, body: await response.json() });
}

function show(result) {
  document.getElementById("user").textContent = client.getActiveAccount()?.username ?? "";
  document.getElementById("result").textContent = JSON.stringify(result);
}

async function told(step) {
  document.getElementById("continue").hidden = true;
  document.getElementById("result").textContent = "";
  try {
    await step();
  } catch (error) {
    show({ error: error.errorCode ?? error.name, message: error.message });
  }
}

const steps = {
  "sign-in": signIn,
  me: () => call("/me"),
  report: () => call("/report"),
  renew,
  resume,
};

await client.initialize();
await told(async () => arrived(await client.handleRedirectPromise()));
for (const [id, step] of Object.entries(steps)) {
  document.getElementById(id).onclick = () => told(step);
}
document.body.dataset.ready = "";
