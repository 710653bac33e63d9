// App Service Authentication. On behind a Static Web App, and off otherwise: then the app checks tokens itself. Azure keeps
// what a template leaves out, so the off state is written, too.

@description('Name of the app. Its settings are written before: a process that still trusts the platform must not run without it.')
param functionAppName string

@description('Host name of the Static Web App in front. Empty: there is none.')
param staticWebAppHostname string

var behindStaticWebApp = !empty(staticWebAppHostname)
var staticWebApp = {
  azureStaticWebApps: {
    enabled: true
    registration: {
      clientId: staticWebAppHostname
    }
  }
}

resource app 'Microsoft.Web/sites@2025-03-01' existing = {
  name: functionAppName
}

resource authentication 'Microsoft.Web/sites/config@2025-03-01' = {
  parent: app
  name: 'authsettingsV2'
  properties: {
    platform: {
      enabled: behindStaticWebApp
      runtimeVersion: '~1'
    }
    globalValidation: {
      requireAuthentication: true
      // Callers of an API cannot use a redirect to a sign-in page.
      unauthenticatedClientAction: 'Return401'
      excludedPaths: [
        '/api/health/live'
        '/api/health/ready'
        '/api/health/timers'
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
    // The same values that linking a Static Web App sets: only its requests are accepted. No other provider beside it,
    // because linking may refuse that.
    identityProviders: behindStaticWebApp ? staticWebApp : {}
    login: {
      tokenStore: {
        enabled: false
      }
    }
  }
}
