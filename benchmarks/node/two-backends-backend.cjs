// The Node counterpart of two_backends_backend.py, from the official packages: NODE_MODULES names the folder that holds them.
const path = require('path');
const { createRequire } = require('module');
const load = createRequire(path.join(process.env.NODE_MODULES, 'x.js'));
const { createBackend } = load('@backstage/backend-defaults');
const { coreServices, createBackendPlugin } = load('@backstage/backend-plugin-api');
const express = load('express');

const callerPlugin = createBackendPlugin({
  pluginId: 'caller',
  register(env) {
    env.registerInit({
      deps: {
        auth: coreServices.auth,
        discovery: coreServices.discovery,
        httpAuth: coreServices.httpAuth,
        httpRouter: coreServices.httpRouter,
      },
      async init({ auth, discovery, httpAuth, httpRouter }) {
        const call = async (onBehalfOf, response) => {
          const { token } = await auth.getPluginRequestToken({ onBehalfOf, targetPluginId: 'answerer' });
          const answer = await fetch(`${await discovery.getBaseUrl('answerer')}/answer`, {
            headers: { Authorization: `Bearer ${token}` },
          });
          response.status(answer.status).json(await answer.json());
        };
        const router = express.Router();
        router.get('/for-user', async (request, response) =>
          call(await httpAuth.credentials(request, { allow: ['user'] }), response),
        );
        router.get('/for-itself', async (_request, response) =>
          call(await auth.getOwnServiceCredentials(), response),
        );
        httpRouter.use(router);
      },
    });
  },
});

const answererPlugin = createBackendPlugin({
  pluginId: 'answerer',
  register(env) {
    env.registerInit({
      deps: { httpAuth: coreServices.httpAuth, httpRouter: coreServices.httpRouter },
      async init({ httpAuth, httpRouter }) {
        const router = express.Router();
        router.get('/answer', async (request, response) => {
          const credentials = await httpAuth.credentials(request, { allow: ['user', 'service'] });
          response.json({ caller: credentials.principal.type });
        });
        httpRouter.use(router);
      },
    });
  },
});

const backend = createBackend();
if (process.env.BENCHMARK_ROLE === 'caller') {
  backend.add(load('@backstage/plugin-auth-backend'));
  backend.add(load('@backstage/plugin-auth-backend-module-guest-provider'));
  backend.add(callerPlugin);
} else {
  backend.add(answererPlugin);
}
backend.start();
