"use strict";

(() => {
  const place = document.getElementById("docs");
  const csrf = () => (document.cookie.match(/(?:^|; )csrftoken=([^;]+)/) || [])[1];

  SwaggerUIBundle({
    url: place.dataset.schema,
    domNode: place,
    deepLinking: true,
    docExpansion: "list",
    defaultModelsExpandDepth: 0,
    tryItOutEnabled: true,
    validatorUrl: null,
    requestInterceptor: (request) => {
      // Staff who are logged in may try writing calls without a key.
      const token = csrf();
      if (token && !request.headers.Authorization) {
        request.headers["X-CSRFToken"] = decodeURIComponent(token);
      }
      return request;
    },
  });
})();
