// Logs. Application Insights accepts telemetry only from identities with the role to send it.

@description('Name of the Log Analytics workspace.')
param workspaceName string

@description('Name of the Application Insights component.')
param insightsName string

@description('Region.')
param location string

@description('Tags.')
param tags object

@description('Days that logs are kept.')
param retentionDays int

@description('Maximum of logs a day in gigabytes. -1: no limit.')
param dailyCapGb int

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-07-01' = {
  name: workspaceName
  location: location
  tags: tags
  properties: {
    sku: {
      name: 'PerGB2018'
    }
    retentionInDays: retentionDays
    workspaceCapping: {
      dailyQuotaGb: dailyCapGb
    }
    features: {
      disableLocalAuth: true
    }
  }
}

resource insights 'Microsoft.Insights/components@2020-02-02' = {
  name: insightsName
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: workspace.id
    DisableLocalAuth: true
  }
}

@description('Resource id of the workspace, which alerts query.')
output workspaceId string = workspace.id

@description('Resource id of the component, which has the metrics of the app.')
output insightsId string = insights.id

@description('Name of the component. The role to send telemetry is limited to it.')
output insightsName string = insights.name

@description('Connection string for telemetry. Not a secret here: telemetry without the role is refused.')
output insightsConnectionString string = insights.properties.ConnectionString
