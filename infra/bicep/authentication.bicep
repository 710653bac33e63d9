// App Service Authentication: who is calling is settled before a request reaches the app.

@description('Name of the app.')
param functionAppName string

@description('Client id of the Entra app registration.')
param clientId string

@description('Host name of the Static Web App in front; empty where there is none.')
param staticWebAppHostname string

var behindStaticWebApp = !empty(staticWebAppHostname)

resource app 'Microsoft.Web/sites@2024-04-01' existing = {
  name: functionAppName
}

resource authentication 'Microsoft.Web/sites/config@2024-04-01' = {
  parent: app
  name: 'authsettingsV2'
  properties: {
    platform: {
      enabled: true
      runtimeVersion: '~1'
    }
    globalValidation: {
      requireAuthentication: true
      // An API: a redirect to a sign-in page would be of no use to its callers.
      unauthenticatedClientAction: 'Return401'
      excludedPaths: [
        '/api/health/live'
        '/api/health/ready'
      ]
    }
    httpSettings: {
      requireHttps: true
    }
    identityProviders: {
      azureActiveDirectory: {
        enabled: !behindStaticWebApp
        registration: {
          clientId: clientId
          // Names the setting with the identity that vouches for the app: a federated credential, no secret.
          clientSecretSettingName: 'OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID'
          openIdIssuer: '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
        }
        validation: {
          allowedAudiences: [
            clientId
            'api://${clientId}'
          ]
        }
      }
      // What linking a Static Web App sets up: its requests are let in, all others are refused.
      azureStaticWebApps: {
        enabled: behindStaticWebApp
        registration: {
          clientId: staticWebAppHostname
        }
      }
    }
    login: {
      tokenStore: {
        enabled: false
      }
    }
  }
}
