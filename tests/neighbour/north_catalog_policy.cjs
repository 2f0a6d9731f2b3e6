// A policy about a catalog, which Node's permission plugin asks: people see what they own, and all groups.
const { createBackendModule } = require('@backstage/backend-plugin-api');
const { policyExtensionPoint } = require('@backstage/plugin-permission-node/alpha');

const resourceType = 'catalog-entity';

class Policy {
  async handle({ permission }, user) {
    if (permission.resourceType !== resourceType) {
      return { result: permission.name.startsWith('catalog.location.') ? 'DENY' : 'ALLOW' };
    }
    if (permission.attributes.action === 'delete') return { result: 'DENY' };
    return {
      result: 'CONDITIONAL',
      pluginId: 'catalog',
      resourceType,
      conditions: {
        anyOf: [
          { rule: 'IS_ENTITY_OWNER', resourceType, params: { claims: user.info.ownershipEntityRefs } },
          { rule: 'IS_ENTITY_KIND', resourceType, params: { kinds: ['Group'] } },
        ],
      },
    };
  }
}

module.exports.default = createBackendModule({
  pluginId: 'permission',
  moduleId: 'catalog-policy',
  register(env) {
    env.registerInit({ deps: { point: policyExtensionPoint }, init: async ({ point }) => point.setPolicy(new Policy()) });
  },
});
