// The API: a Flex Consumption plan, the app, and its settings.

@description('Name of the app.')
param name string

@description('Name of the plan.')
param planName string

@description('Region.')
param location string

@description('Tags.')
param tags object

@description('Version of Python.')
param pythonVersion string

@description('Memory of one instance in MB.')
param instanceMemoryMB int

@description('Maximum number of instances that run at once.')
param maximumInstanceCount int

@description('Number of requests that one instance handles at once.')
param httpConcurrency int

@description('Origins whose pages may call the API directly.')
param corsOrigins array

@description('Resource id of the managed identity of the app.')
param identityId string

@description('Client id of that identity.')
param identityClientId string

@description('Address of the Cosmos DB account.')
param cosmosEndpoint string

@description('Name of the database in that account.')
param cosmosDatabase string

@description('Name of the storage account of the Functions host.')
param storageName string

@description('URL of the blob container for the package that the app runs.')
param packageContainerUrl string

@description('Connection string of the Application Insights component that receives telemetry.')
param insightsConnectionString string

@description('Host name of the Static Web App in front, which identifies callers. Empty: their tokens do.')
param staticWebAppHostname string

@description('Trusted identity providers of the Static Web App, separated by commas.')
param authProviders string

@description('Client id of the Entra app registration, for which tokens are made.')
param authClientId string

@description('Client ids of further applications whose tokens are accepted.')
param authClients array

@description('App settings that differ from the defaults.')
param appSettings object

// The settings for operators. A test compares names and defaults with settings.py.
var defaults = {
  COSMOS_TIMEOUT_SECONDS: '10'
  COSMOS_CONDITIONAL_BATCH: 'true'
  STORED_FORMAT: '2'
  KEEP_REVISIONS: '20'
  NAMED_REVISIONS_MAX: '20'
  CONTENT_CACHE_BYTES: '32000000'
  AUTOSAVE_COALESCE_SECONDS: '60'
  TOUCH_INTERVAL_SECONDS: '900'
  DRAFT_RETENTION_DAYS: '30'
  TRASH_RETENTION_DAYS: '30'
  ACTIVITY_RETENTION_DAYS: '90'
  PURGE_SCHEDULE: '0 30 3 * * *'
  TOMBSTONE_RETENTION_DAYS: '30'
  SETTLE_GRACE_SECONDS: '900'
  TIMER_ITEMS_MAX: '20000'
  CLEANUP_SCHEDULE: '0 */15 * * * *'
  SNAPSHOT_ID_LENGTH: '12'
  SNAPSHOT_DEFAULT_DAYS: '0'
  SNAPSHOT_MAX_DAYS: '0'
  SESSIONS_MAX: '0'
  DRAFTS_MAX: '0'
  SNAPSHOTS_MAX: '0'
  STORED_BYTES_MAX: '0'
  KEPT_BYTES_MAX: '0'
  SNAPSHOT_OPENS_PER_MINUTE: '120'
  WRITES_PER_MINUTE: '0'
  WRITE_BYTES_PER_MINUTE: '0'
  SHOW_VISITORS: 'false'
  READ_ONLY: 'false'
  EXPOSE_CHARGE: 'false'
}

var wiring = {
  STORE_ENGINE: 'cosmos'
  COSMOS_ENDPOINT: cosmosEndpoint
  COSMOS_DATABASE: cosmosDatabase
  AZURE_CLIENT_ID: identityClientId
  AzureWebJobsStorage__accountName: storageName
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__clientId: identityClientId
  APPLICATIONINSIGHTS_CONNECTION_STRING: insightsConnectionString
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'Authorization=AAD;ClientId=${identityClientId}'
  PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY: 'true'
}

var authority = '${environment().authentication.loginEndpoint}${tenant().tenantId}'
var byToken = {
  AUTH_MODE: 'jwt'
  JWT_ISSUERS: '${authority}/v2.0'
  JWT_JWKS_URL: '${authority}/discovery/v2.0/keys'
  JWT_AUDIENCE: authClientId
  // The `sub` of Entra differs from application to application.
  JWT_SUBJECT_CLAIM: 'oid'
  JWT_SCOPES: 'user_impersonation'
  JWT_CLIENTS: join(union([authClientId], authClients), ',')
  // The workbench signs people in as the registration itself.
  JWT_SIGN_IN_CLIENT: authClientId
  // By its client id: Entra refuses api:// to an application that asks for a token to itself (AADSTS90009).
  JWT_SIGN_IN_SCOPE: '${authClientId}/user_impersonation'
}
var byStaticWebApp = {
  AUTH_MODE: 'swa'
  AUTH_PROVIDERS: authProviders
}
var signIn = empty(staticWebAppHostname) ? byToken : byStaticWebApp

resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: {
    reserved: true
  }
}

resource app 'Microsoft.Web/sites@2025-03-01' = {
  name: name
  location: location
  // This tag tells azd to deploy the service of that name in azure.yaml to this app.
  tags: union(tags, { 'azd-service-name': 'api' })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    publicNetworkAccess: 'Enabled'
    // Flex Consumption refuses most other properties here, such as ftpsState. The policy `ftp` below forbids FTP.
    siteConfig: {
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      http20Enabled: true
      cors: {
        allowedOrigins: corsOrigins
        // Pages send tokens in a header. Cookies of other origins are not accepted.
        supportCredentials: false
      }
    }
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: packageContainerUrl
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      runtime: {
        name: 'python'
        version: pythonVersion
      }
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemoryMB
        maximumInstanceCount: maximumInstanceCount
        triggers: {
          http: {
            perInstanceConcurrency: httpConcurrency
          }
        }
      }
    }
  }
}

resource settings 'Microsoft.Web/sites/config@2025-03-01' = {
  parent: app
  name: 'appsettings'
  properties: union(defaults, appSettings, wiring, signIn)
}

// Deployments use an Entra token. User names and passwords are refused.
resource ftpPasswords 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-03-01' = {
  parent: app
  name: 'ftp'
  properties: {
    allow: false
  }
}

resource scmPasswords 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-03-01' = {
  parent: app
  name: 'scm'
  properties: {
    allow: false
  }
}

@description('Resource id.')
output id string = app.id

@description('Name of the app.')
output name string = app.name

@description('Address of the API.')
output url string = 'https://${app.properties.defaultHostName}'
