using Halo.Api.Ledger;
using Halo.Testing;
using Halo.Testing.Architecture;

namespace Halo.Api.Tests.Architecture;

/// <summary>Data and calls go one way through the service, from the endpoints down to the storage: a namespace uses those below it, and none above or beside.</summary>
public sealed class RoomsTests
{
    [Fact]
    public void Every_room_uses_only_rooms_below_it() => Rooms.VerifyOrder(typeof(QueryStore).Assembly, "Halo.Api",
        "Backup Tls Health",
        "Console",
        "Console.Gate Console.Pages",
        "Console.Parts",
        "Endpoints.ForOperators Endpoints.ForOperators.Reports Endpoints.ForLinks Endpoints.ForIntegrators.Registered Endpoints.ForIntegrators.Surveys Endpoints.ForIntegrators.Events",
        "Endpoints.ForOperators.Shapes Endpoints.ForIntegrators",
        "Endpoints.ForIntegrators.Submission",
        "OpenApi Observability",
        "LinkSocket Results.Retention Problems",
        "Results",
        "Queries.Surveys",
        "Queries.Idempotency",
        "Queries.Cancelling",
        "Queries.Async Queries.Registered Queries.Schemas Events",
        "Queries.Immediate",
        "Queries.Admission",
        "Queries.Immediate.Pending Queries.Requests",
        "Queries",
        "Links.Configuration Links.Updating",
        "Sites.State Sites.Pairings",
        "Links.Enrolling",
        "Links.Sessions",
        "Links",
        "Sites",
        "Operators.Sessions",
        "Operators Integrators",
        "Queries.Settling",
        "Ledger",
        "Ledger.Registered Ledger.Surveys",
        "Ledger.Events",
        "Ledger.Records",
        "Results.Pages Results.Negotiation",
        "Results.Formats",
        "Routing Capacity Transport",
        "Errors",
        "Settings",
        "Storage.Postgres Storage.Sqlite Storage.Keys",
        "Storage",
        "Basics");

    [Fact]
    public void No_endpoint_speaks_SQL() => Rooms.VerifyNotUsed(typeof(QueryStore).Assembly, "Halo.Api", "Halo.Api.Storage.SqlExtensions", "Console", "Endpoints", "Health", "OpenApi", "Routing", "LinkSocket");

    [Fact]
    public void No_folder_of_any_project_has_more_than_twelve_files() => Rooms.VerifyNoneIsCrowded(Path.Combine(Repository.Root, "src"), 12);
}
