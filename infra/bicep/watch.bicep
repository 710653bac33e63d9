// Asks from outside whether the app or its timers work: a dead app, and a timer that has stopped, report nothing by
// themselves.

@description('What is asked: the last part of a path below /api/health, which is the name of the test, too.')
param name string

@description('What it means if the response is not 200.')
param meaning string

@description('Severity of the alert, from 0 to 4.')
param severity int

@description('Region.')
param location string

@description('Tags.')
param tags object

@description('Resource id of the Application Insights component, which the test belongs to.')
param insightsId string

@description('Address of the app.')
param url string

@description('Resource ids of the action groups that the alert tells.')
param actionGroups array

@description('Whether to ask. If not, test and alert stay, switched off: Azure keeps what a template leaves out.')
param watch bool

var places = [
  'emea-nl-ams-azr'
  'us-va-ash-azr'
  'apac-sg-sin-azr'
]

resource test 'Microsoft.Insights/webtests@2022-06-15' = {
  name: 'savepoint-${name}'
  location: location
  tags: union(tags, { 'hidden-link:${insightsId}': 'Resource' })
  kind: 'standard'
  properties: {
    SyntheticMonitorId: 'savepoint-${name}'
    Name: 'savepoint-${name}'
    Enabled: watch
    Frequency: 900
    Timeout: 60
    Kind: 'standard'
    RetryEnabled: true
    Locations: [
      for place in places: {
        Id: place
      }
    ]
    Request: {
      RequestUrl: '${url}/api/health/${name}'
      HttpVerb: 'GET'
      ParseDependentRequests: false
    }
    ValidationRules: {
      ExpectedHttpStatusCode: 200
      SSLCheck: true
      SSLCertRemainingLifetimeCheck: 7
    }
  }
}

resource alert 'Microsoft.Insights/metricAlerts@2026-01-01' = {
  name: 'savepoint-watch-${name}'
  location: 'global'
  tags: tags
  properties: {
    description: meaning
    severity: severity
    enabled: watch
    scopes: [
      test.id
      insightsId
    ]
    evaluationFrequency: 'PT5M'
    // Each place asks once in this time.
    windowSize: 'PT15M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.WebtestLocationAvailabilityCriteria'
      webTestId: test.id
      componentId: insightsId
      failedLocationCount: 2
    }
    autoMitigate: true
    actions: [
      for id in actionGroups: {
        actionGroupId: id
      }
    ]
  }
}
