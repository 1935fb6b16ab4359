// The API reference, rendered by Swagger UI from the document that lies beside this page.
// A token that is typed in here stays in this page's memory and goes to the API alone (the page's policy sees to that).
window.SwaggerUIBundle({
  url: "openapi.json",
  domNode: document.getElementById("reference"),
  deepLinking: true, // each operation has an address of its own
  defaultModelRendering: "example", // what it means is one click away
  defaultModelExpandDepth: 3,
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  filter: true,
  persistAuthorization: false,
  queryConfigEnabled: false, // nobody's link decides what this page loads
  validatorUrl: null, // or the document's address would be told to another host
});
