// Unmodified Microsoft clients for Node: one JSON request on stdin, one JSON answer on stdout.
import { text } from "node:stream/consumers";

// Each is imported where it is used: together they take a second to load.
async function msal({ authority, clientId, clientSecret }) {
  const { ConfidentialClientApplication } = await import("@azure/msal-node");
  const knownAuthorities = [new URL(authority).host];
  return new ConfidentialClientApplication({
    auth: { authority, clientId, clientSecret, knownAuthorities },
  });
}

function shown(result) {
  return { token: result.accessToken, cached: result.fromCache, scopes: result.scopes };
}

async function graph(credential, { baseUrl, scope }) {
  const { AzureIdentityAuthenticationProvider } = await import(
    "@microsoft/kiota-authentication-azure"
  );
  const { createGraphServiceClient, GraphRequestAdapter } = await import("@microsoft/msgraph-sdk");
  await import("@microsoft/msgraph-sdk-users");
  const hosts = new Set([new URL(baseUrl).hostname]);
  const provider = new AzureIdentityAuthenticationProvider(credential, [scope], undefined, hosts);
  const adapter = new GraphRequestAdapter(provider);
  adapter.baseUrl = baseUrl;
  const me = await createGraphServiceClient(adapter).me.get();
  return { id: me.id, displayName: me.displayName };
}

function options({ authority }) {
  return { authorityHost: new URL(authority).origin, disableInstanceDiscovery: true };
}

const actions = {
  async app(asked) {
    const client = await msal(asked);
    const request = { scopes: [asked.scope] };
    const first = shown(await client.acquireTokenByClientCredential(request));
    return { ...first, again: shown(await client.acquireTokenByClientCredential(request)) };
  },
  async onBehalfOf(asked) {
    const client = await msal(asked);
    const request = { scopes: [asked.scope], oboAssertion: asked.assertion };
    const first = shown(await client.acquireTokenOnBehalfOf(request));
    return { ...first, again: shown(await client.acquireTokenOnBehalfOf(request)) };
  },
  async refresh(asked) {
    const request = { scopes: [asked.scope], refreshToken: asked.refreshToken };
    const client = await msal(asked);
    return shown(await client.acquireTokenByRefreshToken(request));
  },
  async credential(asked) {
    const { ClientSecretCredential } = await import("@azure/identity");
    const { tenant, clientId, clientSecret, scope } = asked;
    const credential = new ClientSecretCredential(tenant, clientId, clientSecret, options(asked));
    return { token: (await credential.getToken(scope)).token };
  },
  async graph(asked) {
    const { OnBehalfOfCredential } = await import("@azure/identity");
    const { tenant, clientId, clientSecret, assertion } = asked;
    const credential = new OnBehalfOfCredential({
      ...options(asked),
      tenantId: tenant,
      clientId,
      clientSecret,
      userAssertionToken: assertion,
    });
    return graph(credential, asked);
  },
  async graphWithToken(asked) {
    const expiresOnTimestamp = Date.now() + 3_600_000;
    return graph({ getToken: async () => ({ token: asked.token, expiresOnTimestamp }) }, asked);
  },
};

const asked = JSON.parse(await text(process.stdin));
let answer;
try {
  answer = await actions[asked.action](asked);
} catch (error) {
  const { name, message, errorCode, subError, claims, responseStatusCode } = error;
  answer = { error: name, message, errorCode, subError, claims, status: responseStatusCode };
}
console.log(JSON.stringify(answer));
