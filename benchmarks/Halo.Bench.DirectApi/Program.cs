using Halo.Bench.DirectApi;
using Npgsql;

// The limit that Halo is held against: the same SQL over HTTP with no hop, no ledger and no keys.
var builder = WebApplication.CreateSlimBuilder(args);
builder.Logging.ClearProviders();
builder.WebHost.UseKestrelHttpsConfiguration();
var app = builder.Build();
await using var database = NpgsqlDataSource.Create(app.Configuration["Database"] ?? throw new InvalidOperationException("Database is not set."));
app.MapPost("/query", (HttpContext http) => Answering.RunAsync(http, database));
app.UseWebSockets();
app.MapGet("/link/v1/socket", Holding.RunAsync);
await app.RunAsync();
