// A single-page app as its developers would write it; "?popup" signs in without leaving the page.
const settings = await (await fetch("settings.json")).json();
const popup = location.search === "?popup";
const scopes = [settings.scope];
const { authority, clientId } = settings;

const client = new msal.PublicClientApplication({
  auth: {
    clientId,
    authority,
    knownAuthorities: [new URL(authority).host],
    redirectUri: `${location.origin}/`,
    clientCapabilities: ["CP1"],
  },
});

const bridge = `${location.origin}/redirect.html`;

// A redirect ends the page; its next life goes on from `state`.
async function interact(request) {
  const account = client.getActiveAccount() ?? undefined;
  if (!popup) return client.acquireTokenRedirect({ account, ...request });
  return arrived(await client.acquireTokenPopup({ account, ...request, redirectUri: bridge }));
}

async function arrived(signedIn) {
  if (!signedIn) return;
  client.setActiveAccount(signedIn.account);
  if (signedIn.state) await call(signedIn.state);
}

async function call(path) {
  const { accessToken } = await client.acquireTokenSilent({ scopes });
  const headers = { Authorization: `Bearer ${accessToken}` };
  const response = await fetch(settings.api + path, { headers });
  const body = await response.json();
  show({ status: response.status, body });
  if (response.status === 401) offer(wanted(body), path);
}

// What answers the API's challenge: a sign-in with its claims, or consent to all that it needs.
function wanted({ error, claims }) {
  if (error === "consent_required") return { scopes: [settings.everything], prompt: "consent" };
  if (error === "interaction_required") return { scopes, claims: claims ?? undefined };
  return { scopes };
}

// Browsers let a popup open after a click only.
function offer(request, path) {
  const button = document.getElementById("answer");
  button.hidden = false;
  button.onclick = () => {
    button.hidden = true;
    return told(() => interact({ ...request, state: path }));
  };
}

async function renew() {
  const taken = await client.acquireTokenSilent({ scopes });
  const fresh = await client.acquireTokenSilent({ scopes, forceRefresh: true });
  show({
    cached: [taken.fromCache, fresh.fromCache],
    changed: taken.accessToken !== fresh.accessToken,
  });
}

// As after a restart of the browser: the session at the emulator is all that is left.
async function resume() {
  const loginHint = client.getActiveAccount().username;
  sessionStorage.clear();
  const signedIn = await client.ssoSilent({ scopes, loginHint, redirectUri: bridge });
  client.setActiveAccount(signedIn.account);
  show({ username: signedIn.account.username });
}

function show(result) {
  document.getElementById("user").textContent = client.getActiveAccount()?.username ?? "";
  document.getElementById("result").textContent = JSON.stringify(result);
}

async function told(step) {
  document.getElementById("result").textContent = "";
  try {
    await step();
  } catch (error) {
    show({ error: error.errorCode ?? error.name, message: error.message });
  }
}

const steps = {
  "sign-in": () => interact({ scopes, state: "/me" }),
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
