// A plugin of the Node backend that publishes events and remembers those that it hears. south_events.py is its counterpart.
const { coreServices, createBackendPlugin } = require('@backstage/backend-plugin-api');
const { eventsServiceRef } = require('@backstage/plugin-events-node');
const express = require('express');

module.exports.default = createBackendPlugin({
  pluginId: 'north-events',
  register(env) {
    env.registerInit({
      deps: { events: eventsServiceRef, httpRouter: coreServices.httpRouter },
      async init({ events, httpRouter }) {
        const heard = [];
        await events.subscribe({
          id: 'all',
          topics: ['news', 'for-north'],
          onEvent: async ({ topic, eventPayload }) => void heard.push([topic, eventPayload]),
        });
        const router = express.Router();
        router.use(express.json());
        router.post('/publish', async ({ body }, response) => {
          await events.publish({ topic: body.topic, eventPayload: body.payload });
          response.json({});
        });
        router.get('/heard', (_, response) => response.json(heard));
        httpRouter.use(router);
        httpRouter.addAuthPolicy({ path: '/', allow: 'unauthenticated' });
      },
    });
  },
});
