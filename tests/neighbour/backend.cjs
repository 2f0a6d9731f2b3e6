// The Node backend beside the Understage one. The variable FEATURES lists packages and files to add, with commas between.
const { createBackend } = require('@backstage/backend-defaults');

const backend = createBackend();
for (const feature of process.env.FEATURES.split(',')) backend.add(require(feature));
backend.start();
