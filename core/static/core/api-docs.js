"use strict";

(() => {
  const place = document.getElementById("docs");
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const applyScheme = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
  applyScheme();
  dark.addEventListener("change", applyScheme);

  const csrfToken = () => (document.cookie.match(/(?:^|; )csrftoken=([^;]+)/) || [])[1];

  SwaggerUIBundle({
    url: place.dataset.schema,
    domNode: place,
    deepLinking: true,
    docExpansion: "list",
    defaultModelsExpandDepth: 0,
    tryItOutEnabled: true,
    validatorUrl: null,
    requestInterceptor: (request) => {
      const given = (request.headers.Authorization || "").trim();
      if (given) {
        // The key alone is enough here.
        request.headers.Authorization = given.startsWith("ab_") ? `Api-Key ${given}` : given;
      } else if (csrfToken()) {
        // Staff who are logged in may try calls that write, without a key.
        request.headers["X-CSRFToken"] = decodeURIComponent(csrfToken());
      }
      return request;
    },
  });
})();
