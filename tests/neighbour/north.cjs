// A plugin of the Node backend: it tells who calls it, and calls others for its caller or for itself. south.py is its counterpart.
const { coreServices, createBackendPlugin } = require('@backstage/backend-plugin-api');
const express = require('express');

async function describe(credentials, userInfo) {
  const { principal } = credentials;
  if (principal.type === 'service') return { type: 'service', subject: principal.subject };
  const { ownershipEntityRefs } = await userInfo.getUserInfo(credentials);
  return {
    type: 'user',
    userEntityRef: principal.userEntityRef,
    actor: principal.actor?.subject ?? null,
    ownershipEntityRefs,
  };
}

module.exports.default = createBackendPlugin({
  pluginId: 'north',
  register(env) {
    env.registerInit({
      deps: {
        auth: coreServices.auth,
        discovery: coreServices.discovery,
        httpAuth: coreServices.httpAuth,
        httpRouter: coreServices.httpRouter,
        userInfo: coreServices.userInfo,
      },
      async init({ auth, discovery, httpAuth, httpRouter, userInfo }) {
        const router = express.Router();

        router.get('/who', async (request, response) => {
          const credentials = await httpAuth.credentials(request, { allow: ['user', 'service'] });
          response.json(await describe(credentials, userInfo));
        });

        router.get('/page', async (request, response) => {
          const credentials = await httpAuth.credentials(request, { allow: ['user'], allowLimitedAccess: true });
          response.json({ reader: credentials.principal.userEntityRef });
        });

        router.get('/ask', async (request, response) => {
          const { plugin, path = '/who', audience = plugin, as } = request.query;
          const onBehalfOf =
            as === 'caller'
              ? await httpAuth.credentials(request, { allow: ['user', 'service'] })
              : await auth.getOwnServiceCredentials();
          const { token } = await auth.getPluginRequestToken({ onBehalfOf, targetPluginId: audience });
          const answer = await fetch(`${await discovery.getBaseUrl(plugin)}${path}`, {
            headers: { Authorization: `Bearer ${token}` },
          });
          response.json({ status: answer.status, body: await answer.json() });
        });

        httpRouter.use(router);
        httpRouter.addAuthPolicy({ path: '/page', allow: 'user-cookie' });
      },
    });
  },
});
