// The Node counterpart of trivial_backend.py, from the official packages: NODE_MODULES names the folder that holds them.
const path = require('path');
const { createRequire } = require('module');
const load = createRequire(path.join(process.env.NODE_MODULES, 'x.js'));
const { createBackend } = load('@backstage/backend-defaults');
const { coreServices, createBackendPlugin } = load('@backstage/backend-plugin-api');
const express = load('express');

const trivialPlugin = createBackendPlugin({
  pluginId: 'trivial',
  register(env) {
    env.registerInit({
      deps: { httpRouter: coreServices.httpRouter },
      async init({ httpRouter }) {
        const router = express.Router();
        router.get(['/hello', '/plain'], (_request, response) => response.json({ message: 'hello' }));
        httpRouter.use(router);
      },
    });
  },
});

const backend = createBackend();
backend.add(load('@backstage/plugin-auth-backend'));
backend.add(load('@backstage/plugin-auth-backend-module-guest-provider'));
backend.add(trivialPlugin);
backend.start();
