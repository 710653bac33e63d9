// What the app counts, as charts in the portal. `infra/dashboards/grafana.json` is the same board for Prometheus.

@description('Region.')
param location string

@description('Tags.')
param tags object

@description('Resource id of the Application Insights component, which has the metrics.')
param insightsId string

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(insightsId, 'savepoint')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: 'Savepoint'
    category: 'workbook'
    sourceId: insightsId
    serializedData: loadTextContent('../dashboards/workbook.json')
  }
}
