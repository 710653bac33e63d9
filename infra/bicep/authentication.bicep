// App Service Authentication identifies the caller before a request reaches the app.

@description('Name of the app.')
param functionAppName string

@description('Client id of the Entra app registration.')
param clientId string

@description('Host name of the Static Web App in front. Empty: there is none.')
param staticWebAppHostname string

@description('Client ids of further applications whose tokens are accepted, besides the app registration itself.')
param allowedApplications array

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
      // Callers of an API cannot use a redirect to a sign-in page.
      unauthenticatedClientAction: 'Return401'
      excludedPaths: [
        '/api/health/live'
        '/api/health/ready'
        // Pages load the browser module before anybody has signed in.
        '/api/client/*'
        // The workbench has no data of its own. If it is off, there is nothing.
        '/api/workbench'
        '/api/workbench/*'
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
          // Names the setting with the identity of the federated credential, which replaces a secret.
          clientSecretSettingName: 'OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID'
          openIdIssuer: '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
        }
        validation: {
          allowedAudiences: [
            clientId
            'api://${clientId}'
          ]
          // Without a list, any application of the tenant is accepted, or none.
          defaultAuthorizationPolicy: {
            allowedApplications: union([clientId], allowedApplications)
          }
        }
      }
      // The same values that linking a Static Web App sets: only its requests are accepted.
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
