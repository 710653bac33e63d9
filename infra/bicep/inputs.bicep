// Checks what a person sets, and stops the deployment with a message. Declares no resources.

@description('App settings that differ from the defaults.')
param appSettings object

// The platform of Flex Consumption refuses a deployment with one of these.
var refusedByFlex = [
  'ENABLE_ORYX_BUILD'
  'FUNCTIONS_EXTENSION_VERSION'
  'FUNCTIONS_MAX_HTTP_CONCURRENCY'
  'FUNCTIONS_WORKER_DYNAMIC_CONCURRENCY_ENABLED'
  'FUNCTIONS_WORKER_PROCESS_COUNT'
  'FUNCTIONS_WORKER_RUNTIME'
  'FUNCTIONS_WORKER_RUNTIME_VERSION'
  'SCM_DO_BUILD_DURING_DEPLOYMENT'
  'WEBSITE_CONTENTAZUREFILECONNECTIONSTRING'
  'WEBSITE_CONTENTOVERVNET'
  'WEBSITE_CONTENTSHARE'
  'WEBSITE_LOAD_CERTIFICATES'
  'WEBSITE_NODE_DEFAULT_VERSION'
  'WEBSITE_RUN_FROM_PACKAGE'
  'WEBSITE_SKIP_CONTENTSHARE_VALIDATION'
]
var refused = filter(items(appSettings), s => contains(refusedByFlex, toUpper(s.key)))

@description('The app settings, if none is refused.')
output appSettings object = empty(refused) ? appSettings : fail('appSettings: Flex Consumption refuses ${join(map(refused, s => s.key), ', ')}. Remove that.')
