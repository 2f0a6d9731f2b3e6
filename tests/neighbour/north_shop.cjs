// The shop of the Node backend: it asks for permissions, offers actions and uses those of others. south_shop.py is its counterpart.
const { coreServices, createBackendPlugin } = require('@backstage/backend-plugin-api');
const { actionsRegistryServiceRef, actionsServiceRef } = require('@backstage/backend-plugin-api/alpha');
const { createPermission } = require('@backstage/plugin-permission-common');
const { createPermissionResourceRef, createPermissionRule } = require('@backstage/plugin-permission-node');
const express = require('express');
const { z } = require('zod');

const permissionOf = side =>
  createPermission({ name: `${side}-item.read`, attributes: { action: 'read' }, resourceType: `${side}-item` });

const shop = createBackendPlugin({
  pluginId: 'north-shop',
  register(env) {
    env.registerInit({
      deps: {
        actions: actionsServiceRef,
        actionsRegistry: actionsRegistryServiceRef,
        httpAuth: coreServices.httpAuth,
        httpRouter: coreServices.httpRouter,
        permissions: coreServices.permissions,
        permissionsRegistry: coreServices.permissionsRegistry,
      },
      async init({ actions, actionsRegistry, httpAuth, httpRouter, permissions, permissionsRegistry }) {
        const resourceRef = createPermissionResourceRef().with({ pluginId: 'north-shop', resourceType: 'north-item' });
        const isOwner = createPermissionRule({
          name: 'IS_OWNER',
          description: 'Allow items of an owner',
          resourceRef,
          paramsSchema: z.object({ owner: z.string() }),
          apply: (item, { owner }) => item.owner === owner,
          toQuery: ({ owner }) => ({ owner }),
        });
        permissionsRegistry.addResourceType({
          resourceRef,
          permissions: [permissionOf('north')],
          rules: [isOwner],
          getResources: async refs => refs.map(ref => (ref === 'absent' ? undefined : { owner: ref })),
        });
        actionsRegistry.register({
          name: 'greet',
          title: 'Greet',
          description: 'Greets',
          attributes: { readOnly: true },
          schema: { input: x => x.object({ name: x.string() }), output: x => x.object({ text: x.string() }) },
          action: async ({ input, credentials }) => ({
            output: { text: `${input.name}, ${credentials.principal.userEntityRef}, ${credentials.principal.actor.subject}` },
          }),
        });
        actionsRegistry.register({
          name: 'unlock',
          title: 'Unlock',
          description: 'Unlocks',
          schema: { input: x => x.object({}), output: x => x.object({ key: x.string() }), secrets: x => x.object({ key: x.string() }) },
          action: async ({ secrets }) => ({ output: { key: secrets.key } }),
        });
        actionsRegistry.register({
          name: 'secret',
          title: 'Secret',
          description: 'Secret',
          visibilityPermission: createPermission({ name: 'north-shop.see-secret', attributes: {} }),
          schema: { input: x => x.object({}), output: x => x.object({}) },
          action: async () => ({ output: {} }),
        });

        const router = express.Router();
        router.use(express.json());
        const answering = work => async (request, response) => {
          try {
            response.json(await work(request.body, await httpAuth.credentials(request)));
          } catch (error) {
            response.json({ status: error.statusCode, error: error.body?.error ?? { message: error.message } });
          }
        };
        router.post('/authorize', answering(async ({ side, refs }, credentials) => {
          const requests = refs.map(resourceRef => ({ permission: permissionOf(side), resourceRef }));
          return (await permissions.authorize(requests, { credentials })).map(({ result }) => result);
        }));
        router.post('/conditions', answering(async ({ side }, credentials) => {
          const [decision] = await permissions.authorizeConditional([{ permission: permissionOf(side) }], { credentials });
          return decision.conditions;
        }));
        router.post('/list', answering(async (_, credentials) => (await actions.list({ credentials })).actions));
        router.post('/invoke', answering((call, credentials) => actions.invoke({ ...call, credentials })));
        httpRouter.use(router);
      },
    });
  },
});

module.exports.default = shop;
