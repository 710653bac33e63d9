// Alerts. Those that read metrics work when the log is full. Those that read the log say more, and stop when it is full,
// except the one that says that it is full.

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

@description('Resource id of the Application Insights component, which has the metrics of the app.')
param insightsId string

@description('Amount of a month, in the currency of the subscription. 0: no budget.')
param budget int

@description('First day of the month in which the budget begins.')
param budgetStart string

// Azure keeps these figures whether or not there is room in the log. The namespace of what an app counts is
// azure.applicationinsights, unless its exporter is told to name the meter.
var metricRules = [
  {
    name: 'throttling'
    description: 'The database refused more than 50 calls within 15 minutes, because they exceeded its throughput.'
    severity: 2
    scope: cosmosId
    namespace: 'Microsoft.DocumentDB/databaseAccounts'
    metric: 'TotalRequests'
    dimensions: [
      {
        name: 'StatusCode'
        operator: 'Include'
        values: [
          '429'
        ]
      }
    ]
    aggregation: 'Count'
    operator: 'GreaterThan'
    threshold: 50
    window: 'PT15M'
  }
  {
    name: 'database-unavailable'
    description: 'The database could not serve 1 % of the calls of an hour.'
    severity: 1
    scope: cosmosId
    namespace: 'Microsoft.DocumentDB/databaseAccounts'
    metric: 'ServiceAvailability'
    dimensions: []
    aggregation: 'Average'
    operator: 'LessThan'
    threshold: 99
    window: 'PT1H'
  }
  {
    name: 'server-errors'
    description: 'More than five 5xx responses within 15 minutes, as counted by the app. Those of health have alerts of their own. Read-only mode and people who are full do not count.'
    severity: 1
    scope: insightsId
    namespace: 'azure.applicationinsights'
    metric: 'savepoint.server.errors'
    dimensions: []
    aggregation: 'Total'
    operator: 'GreaterThan'
    threshold: 5
    window: 'PT15M'
  }
  {
    name: 'backlog'
    description: 'Within six hours, the runs of timers have left more than 190,000 items together. One of them does not keep up.'
    severity: 2
    scope: insightsId
    namespace: 'azure.applicationinsights'
    metric: 'savepoint.timer.backlog'
    dimensions: []
    aggregation: 'Total'
    operator: 'GreaterThan'
    threshold: 190000
    window: 'PT6H'
  }
]

// Only what no metric says. Each is a query that is valid also before its table exists: a rule whose query fails for a
// week is switched off.
var logRules = [
  {
    name: 'large-owner'
    title: 'Savepoint: what one person stores approaches the limit of the database'
    description: 'A partition has more than 14 GB. At 20 GB, saves of that person are refused. CDBPartitionKeyStatistics has the partition.'
    severity: 2
    // With another type than Azure's, the union would have two columns, SizeKb_int and SizeKb_real, and the query would fail.
    query: 'union isfuzzy=true (datatable(TimeGenerated: datetime, SizeKb: int)[]), CDBPartitionKeyStatistics | summarize Figure = max(SizeKb)'
    aggregation: 'Maximum'
    dimensions: []
    operator: 'GreaterThan'
    threshold: 14680064
    window: 'P1D'
  }
  {
    name: 'full-log'
    title: 'Savepoint logs nothing until tomorrow'
    description: 'The daily cap of the workspace is reached. Alerts that read the log are silent until it is lifted.'
    severity: 1
    // Azure writes this event once, beyond the cap. The window is as long as the log stays full.
    query: 'union isfuzzy=true (datatable(TimeGenerated: datetime, Category: string, Detail: string)[]), _LogOperation | where Category =~ "Ingestion" | where Detail contains "OverQuota" | summarize Figure = count()'
    aggregation: 'Total'
    dimensions: []
    operator: 'GreaterThan'
    threshold: 0
    window: 'P1D'
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

resource metricAlerts 'Microsoft.Insights/metricAlerts@2026-01-01' = [
  for rule in metricRules: {
    name: 'savepoint-${rule.name}'
    location: 'global'
    tags: tags
    properties: {
      description: rule.description
      severity: rule.severity
      enabled: true
      scopes: [
        rule.scope
      ]
      evaluationFrequency: 'PT5M'
      windowSize: rule.window
      criteria: {
        'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
        allOf: [
          {
            criterionType: 'StaticThresholdCriterion'
            name: rule.name
            metricNamespace: rule.namespace
            metricName: rule.metric
            dimensions: rule.dimensions
            timeAggregation: rule.aggregation
            operator: rule.operator
            threshold: rule.threshold
            // A metric that this plan lacks, or that has no value yet, does not stop the deployment.
            skipMetricValidation: true
          }
        ]
      }
      autoMitigate: true
      actions: [
        for id in actionGroups: {
          actionGroupId: id
        }
      ]
    }
  }
]

resource logAlerts 'Microsoft.Insights/scheduledQueryRules@2026-03-01' = [
  for rule in logRules: {
    name: 'savepoint-${rule.name}'
    location: location
    tags: tags
    properties: {
      displayName: rule.title
      description: rule.description
      severity: rule.severity
      enabled: true
      scopes: [
        workspaceId
      ]
      // Azure watches the health of rules that run at least this often.
      evaluationFrequency: 'PT15M'
      windowSize: rule.window
      // The first telemetry creates the tables, so the query is not valid before.
      skipQueryValidation: true
      criteria: {
        allOf: [
          {
            query: rule.query
            timeAggregation: rule.aggregation
            metricMeasureColumn: 'Figure'
            dimensions: rule.dimensions
            operator: rule.operator
            threshold: rule.threshold
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
]

// A budget outlives the parameter: 0 does not remove it. It stops nothing.
resource spending 'Microsoft.Consumption/budgets@2024-08-01' = if (budget > 0) {
  name: 'savepoint-budget'
  properties: {
    category: 'Cost'
    amount: budget
    timeGrain: 'Monthly'
    timePeriod: {
      startDate: budgetStart
    }
    notifications: {
      spent: {
        enabled: true
        operator: 'GreaterThanOrEqualTo'
        threshold: 80
        thresholdType: 'Actual'
        contactRoles: [
          'Owner'
        ]
        contactEmails: empty(email) ? [] : [email]
      }
      expected: {
        enabled: true
        operator: 'GreaterThanOrEqualTo'
        threshold: 100
        thresholdType: 'Forecasted'
        contactRoles: [
          'Owner'
        ]
        contactEmails: empty(email) ? [] : [email]
      }
    }
  }
}

@description('Whom alerts tell.')
output actionGroups array = actionGroups
