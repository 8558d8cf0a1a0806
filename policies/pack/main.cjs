// The engine's policy host loads packs by require(); ours are ES modules.
module.exports = import('../../dist/policies/crossguard.js').then(({ servePolicyPack }) => servePolicyPack())
