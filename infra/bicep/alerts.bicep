// Alerts for 5xx responses, a database that throttles, and timers that did not run.

@description('Region.')
param location string

@description('Tags.')
param tags object

@description('Email address for alerts. Empty: alerts are in the portal only.')
param email string

@description('Resource id of the workspace with the logs.')
param workspaceId string

@description('Resource id of the Cosmos DB account.')
param cosmosId string

// How long each timer may be silent: at least twice the default interval between two runs.
var timers = [
  {
    name: 'mark_deleted_snapshot_logs'
    window: 'PT2H'
  }
  {
    name: 'sweep_sessions'
    window: 'PT2H'
  }
  {
    name: 'purge_stale_drafts'
    window: 'P2D'
  }
]
var actionGroups = empty(email) ? [] : [people.id]

resource people 'Microsoft.Insights/actionGroups@2023-01-01' = if (!empty(email)) {
  name: 'savepoint-people'
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'savepoint'
    enabled: true
    emailReceivers: [
      {
        name: 'operations'
        emailAddress: email
        useCommonAlertSchema: true
      }
    ]
  }
}

resource serverErrors 'Microsoft.Insights/scheduledQueryRules@2022-06-15' = {
  name: 'savepoint-server-errors'
  location: location
  tags: tags
  properties: {
    displayName: 'Savepoint returns 5xx'
    description: 'More than five 5xx responses within 15 minutes.'
    severity: 1
    enabled: true
    scopes: [
      workspaceId
    ]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    // The first telemetry creates the tables, so the query is not valid before.
    skipQueryValidation: true
    criteria: {
      allOf: [
        {
          query: 'AppRequests | where toint(ResultCode) between (500 .. 599) | summarize Errors = count()'
          timeAggregation: 'Total'
          metricMeasureColumn: 'Errors'
          operator: 'GreaterThan'
          threshold: 5
          failingPeriods: {
            numberOfEvaluationPeriods: 1
            minFailingPeriodsToAlert: 1
          }
        }
      ]
    }
    autoMitigate: true
    actions: {
      actionGroups: actionGroups
    }
  }
}

resource throttling 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: 'savepoint-throttling'
  location: 'global'
  tags: tags
  properties: {
    description: 'The database refused more than 50 calls within 15 minutes, because they exceeded its throughput.'
    severity: 2
    enabled: true
    scopes: [
      cosmosId
    ]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          criterionType: 'StaticThresholdCriterion'
          name: 'throttled'
          metricNamespace: 'Microsoft.DocumentDB/databaseAccounts'
          metricName: 'TotalRequests'
          dimensions: [
            {
              name: 'StatusCode'
              operator: 'Include'
              values: [
                '429'
              ]
            }
          ]
          timeAggregation: 'Count'
          operator: 'GreaterThan'
          threshold: 50
        }
      ]
    }
    autoMitigate: true
    actions: [for id in actionGroups: {
      actionGroupId: id
    }]
  }
}

// Each successful run ends with one log line that begins with the timer's name. A failed run writes none.
resource silentTimers 'Microsoft.Insights/scheduledQueryRules@2022-06-15' = [for timer in timers: {
  name: 'savepoint-silent-${timer.name}'
  location: location
  tags: tags
  properties: {
    displayName: 'Savepoint timer ${timer.name} did not run'
    description: 'No run of the timer has succeeded for ${timer.window}.'
    severity: 2
    enabled: true
    scopes: [
      workspaceId
    ]
    evaluationFrequency: 'PT30M'
    windowSize: timer.window
    skipQueryValidation: true
    criteria: {
      allOf: [
        {
          query: 'AppTraces | where Message startswith "${timer.name}:" | summarize Runs = count()'
          timeAggregation: 'Total'
          metricMeasureColumn: 'Runs'
          operator: 'LessThan'
          threshold: 1
          failingPeriods: {
            numberOfEvaluationPeriods: 1
            minFailingPeriodsToAlert: 1
          }
        }
      ]
    }
    autoMitigate: true
    actions: {
      actionGroups: actionGroups
    }
  }
}]
