// All resources of Savepoint in a subscription, in one resource group.
targetScope = 'subscription'

@minLength(1)
@maxLength(40)
@description('Name of the environment, such as `dev` or `prod`. Names and tags of all resources contain it.')
param environmentName string

@minLength(1)
@description('Region of every resource. It must offer Flex Consumption.')
param location string

@description('Client id of the Entra app registration for which tokens are made. The pre-provision hook creates one. Empty: behind a Static Web App.')
param authClientId string = ''

@description('Trusted identity providers of the Static Web App, separated by commas. Owner ids depend on this list. Do not change it after sessions are saved.')
param authProviders string = 'aad'

@description('Host name of the Static Web App that this API is linked to. Link it first. Empty: callers send Entra tokens.')
param staticWebAppHostname string = ''

@description('Origins whose pages may call the API directly, separated by commas. Not needed behind a Static Web App.')
param corsOrigins string = ''

@description('Client ids of further applications whose tokens are accepted, separated by commas. Empty: only the app registration itself.')
param authClients string = ''

@allowed([
  'Strong'
  'BoundedStaleness'
  'Session'
  'ConsistentPrefix'
  'Eventual'
])
@description('Consistency level of reads. Below Strong, another instance may return a stale read. A save is never lost.')
param cosmosConsistency string = 'Strong'

@minValue(0)
@description('Maximum of autoscale in RU/s, at least 1,000, shared by all containers. 0: serverless, charged by use.')
param cosmosAutoscaleMaxRu int = 0

@description('Whether the database is spread over the zones of its region. Only at creation.')
param zoneRedundant bool = false

@allowed([
  'Continuous7Days'
  'Continuous30Days'
])
@description('How far back a restore can go. Drafts and tombstones live for 30 days.')
param backupTier string = 'Continuous30Days'

@description('Name of a restored Cosmos DB account in this resource group, which the app uses from then on. Empty: the account that this template creates.')
param cosmosAccountName string = ''

@description('Whether a lock forbids to delete the Cosmos DB account. Needs the right to make locks. false does not remove it.')
param keepData bool = false

@description('Object id of a person or group that may read and change all data. Empty: nobody but the app. Empty does not take the role away.')
param operatorPrincipalId string = ''

@allowed([
  '3.11'
  '3.12'
  '3.13'
])
@description('Version of Python that the functions run on.')
param pythonVersion string = '3.12'

@allowed([
  2048
  4096
])
@description('Memory of one instance in MB.')
param instanceMemoryMB int = 2048

@minValue(1)
@maxValue(1000)
@description('Maximum number of instances that run at once. It limits cost and the load on the database.')
param maximumInstanceCount int = 40

@minValue(1)
@maxValue(1000)
@description('Number of requests that one instance handles at once. The default of the platform for Python is 1. More is useful because handlers mostly wait for the database.')
param httpConcurrency int = 32

@minValue(30)
@maxValue(730)
@description('Days that logs are kept.')
param logRetentionDays int = 30

@minValue(-1)
@description('Maximum of logs a day in gigabytes. It limits cost. Beyond it, nothing is logged until the next day, and an alert says so. -1: no limit.')
param logDailyCapGb int = 2

@description('Email address for alerts. Empty: alerts are in the portal only.')
param alertEmail string = ''

@description('Whether Azure asks every 15 minutes, from three places, whether the app and its timers work. It costs a little: docs/cost.md.')
param watch bool = true

@minValue(0)
@description('Amount of a month, in the currency of the subscription, at 80 and 100 % of which an alert is sent. 0: none. 0 does not remove it.')
param budget int = 0

@description('First day of the month in which the budget begins, such as `2026-12-01`. Azure lets nobody change it later.')
param budgetStart string = ''

@description('App settings that differ from the defaults, by name. The settings that connect the resources cannot be changed here.')
param appSettings object = {}

var suffix = uniqueString(subscription().id, environmentName, location)
var tags = { 'azd-env-name': environmentName }

resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: 'rg-savepoint-${environmentName}'
  location: location
  tags: tags
}

module inputs 'inputs.bicep' = {
  name: 'inputs'
  scope: group
  params: {
    authClientId: authClientId
    authClients: authClients
    staticWebAppHostname: staticWebAppHostname
    corsOrigins: corsOrigins
    budget: budget
    budgetStart: budgetStart
    appSettings: appSettings
  }
}

module identity 'identity.bicep' = {
  name: 'identity'
  scope: group
  params: {
    name: 'id-savepoint-${suffix}'
    location: location
    tags: tags
  }
}

module cosmos 'cosmos.bicep' = {
  name: 'cosmos'
  scope: group
  params: {
    name: empty(cosmosAccountName) ? 'cosmos-savepoint-${suffix}' : cosmosAccountName
    location: location
    tags: tags
    consistency: cosmosConsistency
    autoscaleMaxRu: cosmosAutoscaleMaxRu
    zoneRedundant: zoneRedundant
    backupTier: backupTier
    keepData: keepData
    workspaceId: monitoring.outputs.workspaceId
  }
}

module storage 'storage.bicep' = {
  name: 'storage'
  scope: group
  params: {
    name: 'stsavepoint${suffix}'
    location: location
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
  }
}

module monitoring 'monitoring.bicep' = {
  name: 'monitoring'
  scope: group
  params: {
    workspaceName: 'log-savepoint-${suffix}'
    insightsName: 'appi-savepoint-${suffix}'
    location: location
    tags: tags
    retentionDays: logRetentionDays
    dailyCapGb: logDailyCapGb
  }
}

module roles 'roles.bicep' = {
  name: 'roles'
  scope: group
  params: {
    principalId: identity.outputs.principalId
    cosmosName: cosmos.outputs.name
    cosmosDatabase: cosmos.outputs.database
    storageName: storage.outputs.name
    insightsName: monitoring.outputs.insightsName
    operatorPrincipalId: operatorPrincipalId
  }
}

module functionApp 'function-app.bicep' = {
  name: 'function-app'
  scope: group
  // Without these roles, the app cannot read its own package.
  dependsOn: [
    roles
  ]
  params: {
    name: 'func-savepoint-${suffix}'
    planName: 'plan-savepoint-${suffix}'
    location: location
    tags: tags
    pythonVersion: pythonVersion
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
    httpConcurrency: httpConcurrency
    corsOrigins: inputs.outputs.corsOrigins
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    cosmosEndpoint: cosmos.outputs.endpoint
    cosmosDatabase: cosmos.outputs.database
    storageName: storage.outputs.name
    packageContainerUrl: storage.outputs.packageContainerUrl
    insightsConnectionString: monitoring.outputs.insightsConnectionString
    staticWebAppHostname: staticWebAppHostname
    authProviders: authProviders
    authClientId: inputs.outputs.authClientId
    authClients: inputs.outputs.authClients
    appSettings: inputs.outputs.appSettings
  }
}

module authentication 'authentication.bicep' = {
  name: 'authentication'
  scope: group
  params: {
    functionAppName: functionApp.outputs.name
    staticWebAppHostname: staticWebAppHostname
  }
}

module alerts 'alerts.bicep' = {
  name: 'alerts'
  scope: group
  params: {
    location: location
    tags: tags
    email: alertEmail
    workspaceId: monitoring.outputs.workspaceId
    cosmosId: cosmos.outputs.id
    insightsId: monitoring.outputs.insightsId
    budget: budget
    budgetStart: inputs.outputs.budgetStart
  }
}

module workbook 'workbook.bicep' = {
  name: 'workbook'
  scope: group
  params: {
    location: location
    tags: tags
    insightsId: monitoring.outputs.insightsId
  }
}

module watchReady 'watch.bicep' = {
  name: 'watchReady'
  scope: group
  params: {
    name: 'ready'
    meaning: 'The app does not respond, or cannot save, as seen from two of three places.'
    severity: 1
    location: location
    tags: tags
    insightsId: monitoring.outputs.insightsId
    url: functionApp.outputs.url
    actionGroups: alerts.outputs.actionGroups
    watch: watch
  }
}

module watchTimers 'watch.bicep' = {
  name: 'watchTimers'
  scope: group
  params: {
    name: 'timers'
    meaning: 'A timer has not succeeded in time, or nobody can tell. /api/health/timers names it.'
    severity: 2
    location: location
    tags: tags
    insightsId: monitoring.outputs.insightsId
    url: functionApp.outputs.url
    actionGroups: alerts.outputs.actionGroups
    watch: watch
  }
}

@description('Resource group that azd deploys to.')
output AZURE_RESOURCE_GROUP string = group.name

@description('Resource id of the app, needed to link a Static Web App.')
output SAVEPOINT_FUNCTION_APP_ID string = functionApp.outputs.id

@description('Address of the API.')
output SAVEPOINT_URL string = functionApp.outputs.url

@description('Address of the Cosmos DB account. The pre-deploy hook waits for its indexes.')
output SAVEPOINT_COSMOS_ENDPOINT string = cosmos.outputs.endpoint

@description('Name of the database in that account, for the same hook.')
output SAVEPOINT_COSMOS_DATABASE string = cosmos.outputs.database
