using Halo.Api.Console.Gate;
using Halo.Api.Console.Pages;
using Halo.Api.Console.Parts;

namespace Halo.Api.Console;

/// <summary>The operators' web console, where <c>Halo:Console:Enabled</c> says so: pages rendered on the server, over the same services as the admin API.</summary>
static class ConsoleRoutes
{
    /// <summary>Who may see a page. Before the routes are mapped.</summary>
    public static void UseConsole(this WebApplication app) =>
        app.UseWhen(http => http.Request.Path.StartsWithSegments(ConsolePaths.Root) && !http.Request.Path.StartsWithSegments(ConsolePaths.Assets), branch => branch.UseMiddleware<ConsoleGate>());

    public static void MapConsole(this WebApplication app)
    {
        var pages = app.MapGroup("").ExcludeFromDescription();
        // It counts from now on, and not from the first look at it.
        app.Services.GetRequiredService<QueryRate>();
        pages.MapGet(ConsolePaths.Root, () => Page.Of<OverviewPage>());
        pages.MapSignIn();
        pages.MapSites();
        pages.MapLinks();
        pages.MapIntegrators();
        pages.MapOperators();
        var assets = app.Services.GetRequiredService<ConsoleAssets>();
        foreach (var name in assets.Names)
            pages.MapGet($"{ConsolePaths.Assets}/{name}", http => assets.Show(http, name).ExecuteAsync(http));
    }
}
