// The database. `python -m infra.containers` writes containers.json from the containers that the code declares.
// A test fails if the two differ.

@description('Name of the account.')
param name string

@description('Region.')
param location string

@description('Tags.')
param tags object

@description('Consistency level of reads.')
param consistency string

@description('Maximum of autoscale in RU/s, shared by all containers. 0: serverless.')
param autoscaleMaxRu int

@description('Whether the account is spread over the zones of its region.')
param zoneRedundant bool

@description('Tier of the continuous backup.')
param backupTier string

@description('Whether a lock forbids to delete the account.')
param keepData bool

@description('Resource id of the workspace that records who changed the account.')
param workspaceId string

var database = 'savepoint'
var serverless = autoscaleMaxRu == 0
var containers = loadJsonContent('containers.json')

resource account 'Microsoft.DocumentDB/databaseAccounts@2025-10-15' = {
  name: name
  location: location
  tags: tags
  kind: 'GlobalDocumentDB'
  properties: {
    databaseAccountOfferType: 'Standard'
    // Keys are refused. Identities are limited by their roles.
    disableLocalAuth: true
    disableKeyBasedMetadataWriteAccess: true
    minimalTlsVersion: 'Tls12'
    publicNetworkAccess: 'Enabled'
    capabilities: serverless ? [{ name: 'EnableServerless' }] : []
    consistencyPolicy: {
      defaultConsistencyLevel: consistency
    }
    locations: [
      {
        locationName: location
        failoverPriority: 0
        isZoneRedundant: zoneRedundant
      }
    ]
    backupPolicy: {
      type: 'Continuous'
      continuousModeProperties: {
        tier: backupTier
      }
    }
  }
}

resource sqlDatabase 'Microsoft.DocumentDB/databaseAccounts/sqlDatabases@2025-10-15' = {
  parent: account
  name: database
  properties: {
    resource: {
      id: database
    }
    options: serverless ? {} : { autoscaleSettings: { maxThroughput: autoscaleMaxRu } }
  }
}

@batchSize(1)
resource sqlContainers 'Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers@2025-10-15' = [
  for container in containers: {
    parent: sqlDatabase
    name: container.id
    properties: {
      resource: container
    }
  }
]

// A lock outlives the parameter: false does not remove it.
resource keep 'Microsoft.Authorization/locks@2020-05-01' = if (keepData) {
  name: 'keep-data'
  scope: account
  properties: {
    level: 'CanNotDelete'
    notes: 'Contains what people saved. Remove this lock before you delete the account.'
  }
}

// Changes of roles, keys, backups and indexes, and the largest partitions. A partition of `sessions` is one person, so
// those lines contain owner ids. Not the requests for data: their lines contain owner ids, too, and cost more.
resource changes 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'changes'
  scope: account
  properties: {
    workspaceId: workspaceId
    logAnalyticsDestinationType: 'Dedicated'
    logs: [
      {
        category: 'ControlPlaneRequests'
        enabled: true
      }
      {
        category: 'PartitionKeyStatistics'
        enabled: true
      }
    ]
  }
}

@description('Resource id, the scope of the alerts of the database.')
output id string = account.id

@description('Name of the account.')
output name string = account.name

@description('Name of the database. The data role of the app is limited to it.')
output database string = sqlDatabase.name

@description('Address of the account.')
output endpoint string = account.properties.documentEndpoint
