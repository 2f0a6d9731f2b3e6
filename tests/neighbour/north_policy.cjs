// The policy of the installation, which Node's permission plugin asks.
const { createBackendModule } = require('@backstage/backend-plugin-api');
const { policyExtensionPoint } = require('@backstage/plugin-permission-node/alpha');

// Items of ann and of everybody but bob may be read; what is secret may not be seen.
class Policy {
  async handle({ permission }) {
    if (!permission.resourceType) return { result: permission.name.endsWith('.see-secret') ? 'DENY' : 'ALLOW' };
    const { resourceType } = permission;
    const owned = owner => ({ rule: 'IS_OWNER', resourceType, params: { owner } });
    return {
      result: 'CONDITIONAL',
      pluginId: `${resourceType.split('-')[0]}-shop`,
      resourceType,
      conditions: { anyOf: [owned('ann'), { not: owned('bob') }] },
    };
  }
}

module.exports.default = createBackendModule({
  pluginId: 'permission',
  moduleId: 'neighbour-policy',
  register(env) {
    env.registerInit({ deps: { point: policyExtensionPoint }, init: async ({ point }) => point.setPolicy(new Policy()) });
  },
});
