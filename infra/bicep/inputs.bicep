// Checks what a person sets, and stops the deployment with a message. Declares no resources.

@description('Client id of the Entra app registration for which tokens are made.')
param authClientId string

@description('Client ids of further applications whose tokens are accepted, separated by commas.')
param authClients string

@description('Host name of the Static Web App in front.')
param staticWebAppHostname string

@description('Origins whose pages may call the API directly, separated by commas.')
param corsOrigins string

@description('Amount of a month. 0: no budget.')
param budget int

@description('First day of the month in which the budget begins.')
param budgetStart string

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
// The template writes these. A test compares them with function-app.bicep.
var wired = [
  'APPLICATIONINSIGHTS_AUTHENTICATION_STRING'
  'APPLICATIONINSIGHTS_CONNECTION_STRING'
  'AUTH_MODE'
  'AUTH_PROVIDERS'
  'AZUREWEBJOBSSTORAGE__ACCOUNTNAME'
  'AZUREWEBJOBSSTORAGE__CLIENTID'
  'AZUREWEBJOBSSTORAGE__CREDENTIAL'
  'AZURE_CLIENT_ID'
  'COSMOS_DATABASE'
  'COSMOS_ENDPOINT'
  'JWT_AUDIENCE'
  'JWT_CLIENTS'
  'JWT_ISSUERS'
  'JWT_JWKS_URL'
  'JWT_SCOPES'
  'JWT_SIGN_IN_CLIENT'
  'JWT_SIGN_IN_SCOPE'
  'JWT_SUBJECT_CLAIM'
  'PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY'
  'STORE_ENGINE'
]
var refused = filter(items(appSettings), s => contains(refusedByFlex, toUpper(s.key)))
// What the platform says of itself and of its authentication. The app believes it.
var markers = [
  'CONTAINER_APP_NAME'
  'LEGION_SERVICE_HOST'
  'WEBSITE_INSTANCE_ID'
  'WEBSITE_POD_NAME'
  'WEBSITE_SITE_NAME'
]
var forging = filter(items(appSettings), s => startsWith(toUpper(s.key), 'WEBSITE_AUTH_') || contains(markers, toUpper(s.key)))
// Other ways to the database and to the storage of the host, with a key or to another account.
var routes = [
  'COSMOS_ENDPOINT_DISCOVERY'
  'COSMOS_KEY'
]
var rerouting = filter(items(appSettings), s => startsWith(toUpper(s.key), 'AZUREWEBJOBSSTORAGE') || contains(routes, toUpper(s.key)))
var rewiring = filter(items(appSettings), s => contains(wired, toUpper(s.key)))
// With the first one, the exporter puts the metrics of the app where no alert looks. With the second one, every
// asynchronous call fails on Python 3.13.
var breakers = [
  'APPLICATIONINSIGHTS_METRIC_NAMESPACE_OPT_IN'
  'PYTHON_ENABLE_OPENTELEMETRY'
]
var breaking = filter(items(appSettings), s => contains(breakers, toUpper(s.key)))
// Each once.
var wrong = union(map(concat(forging, rewiring, rerouting, breaking), s => s.key), [])

var nobodySignsIn = empty(authClientId) && empty(staticWebAppHostname)
var origins = filter(map(split(corsOrigins, ','), o => trim(o)), o => !empty(o))
// An origin is a scheme, a host and perhaps a port: split at each slash, three parts. Browsers write it in lower case.
var notInOrigins = [
  '*'
  ' '
  '?'
  '#'
  '@'
]
var odd = filter(origins, o => !empty(filter(notInOrigins, c => contains(o, c))) || (length(split(o, '/')) != 3) || (toLower(o) != o))
var hostless = filter(origins, o => (o == 'https://') || (o == 'http://') || !(startsWith(o, 'https://') || startsWith(o, 'http://')))
var noOrigins = union(odd, hostless)

@description('The client id, if callers are identified at all.')
output authClientId string = nobodySignsIn ? fail('Set AUTH_CLIENT_ID or STATIC_WEB_APP_HOSTNAME: nobody could sign in.') : authClientId

@description('The client ids.')
output authClients array = filter(map(split(authClients, ','), c => trim(c)), c => !empty(c))

@description('The origins, if each is one.')
output corsOrigins array = empty(noOrigins) ? origins : fail('CORS_ORIGINS: ${join(noOrigins, ', ')} is no origin. Write https://host, without a path, without a slash at the end, without *.')

@description('The first day, if there is a budget.')
output budgetStart string = (budget > 0) && empty(budgetStart) ? fail('Set budgetStart to the first day of this month, such as 2026-12-01, and leave it.') : budgetStart

@description('The app settings, if none is refused.')
output appSettings object = !empty(refused) ? fail('appSettings: Flex Consumption refuses ${join(map(refused, s => s.key), ', ')}. Remove that.') : !empty(wrong) ? fail('appSettings cannot set ${join(wrong, ', ')}. Remove that.') : appSettings
