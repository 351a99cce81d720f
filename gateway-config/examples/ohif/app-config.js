// OHIF Viewer 3: its whole configuration for a region gateway at https://pacs.example.org.
window.config = {
  routerBasename: "/",
  extensions: [],
  modes: [],
  showStudyList: true,
  defaultDataSourceName: "region-gateway",
  dataSources: [
    {
      namespace: "@ohif/extension-default.dataSourcesModule.dicomweb",
      sourceName: "region-gateway",
      configuration: {
        friendlyName: "Region gateway",
        name: "region-gateway",
        qidoRoot: "https://pacs.example.org/dicomweb",
        wadoRoot: "https://pacs.example.org/dicomweb",
        wadoUriRoot: "https://pacs.example.org/dicomweb",
        qidoSupportsIncludeField: true,
        supportsWildcard: true,
        supportsFuzzyMatching: false,
        imageRendering: "wadors",
        thumbnailRendering: "wadors",
        enableStudyLazyLoad: true,
        supportsReject: false,
        // Frames as they are stored: the viewer has every codec, and they are smaller on the way.
        acceptHeader: ["multipart/related; type=application/octet-stream; transfer-syntax=*"],
        omitQuotationForMultipartRequest: true,
        bulkDataURI: { enabled: true },
        singlepart: "bulkdata,pdf",
        dicomUploadEnabled: true,
      },
    },
  ],
  // Sign-in: the gateway takes the same tokens (access.tokens: issuer, audience, jwks).
  oidc: [
    {
      authority: "https://login.example.org/realms/hospital",
      client_id: "ohif-viewer",
      redirect_uri: "/callback",
      post_logout_redirect_uri: "/logout-redirect.html",
      response_type: "code",
      scope: "openid gateway.read gateway.store",
      automaticSilentRenew: true,
    },
  ],
}
