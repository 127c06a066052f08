using System.Text.Json.Nodes;
using Halo.Link.Engines;
using Spectre.Console;

namespace Halo.Link.Configuring;

/// <summary>Asks a person at a terminal for what a Link needs; what the file has is offered, secrets as kept.</summary>
sealed class Questions(IAnsiConsole console)
{
    public Answers Ask(ConfigurationFile file)
    {
        var settings = file.Document.Settings;
        var site = settings["sites"] is JsonArray { Count: > 0 } sites ? sites[0] as JsonObject : null;
        console.MarkupLineInterpolated($"Halo Link, [bold]{file.FilePath}[/]. Enter keeps what stands in brackets.");
        var api = Text("Address of the Halo API (https://…)", settings["api"]);
        var token = Secret("Enrolment token from the API's operator (empty: none)", settings["enrolmentToken"]);
        var engine = console.Prompt(new SelectionPrompt<string>().Title("The practice's database")
            .AddChoices(EngineNames.All.OrderBy(e => e == TextOf(site?["engine"]) ? 0 : 1)));
        var connection = Secret($"Connection string ({Example(engine)})", site?["connectionString"]);
        var software = Text("Name of the practice's software, as Best Practice", site?["practiceManagementName"]);
        var id = Text("The id that its vendor gave the practice", site?["practiceManagementSiteId"]);
        var practice = Text("Name of the practice", site?["practiceName"]);
        var policy = site is null && !console.Confirm("May integrators only read? (no: they may write what the login may)") ? Answers.Write : null;
        return new()
        {
            Api = api,
            EnrolmentToken = token,
            Engine = engine,
            ConnectionString = connection,
            PracticeManagementName = software,
            PracticeManagementSiteId = id,
            PracticeName = practice,
            Policy = policy,
        };
    }

    static string Example(string engine) => engine switch
    {
        EngineNames.Sqlite => "Data Source=/path/file.db",
        EngineNames.Postgres => "Host=localhost;Database=pms;Username=halo;Password=…",
        _ => "Server=localhost;Database=pms;User Id=halo;Password=…",
    };

    /// <returns>Null: it stays as it is.</returns>
    string? Text(string question, JsonNode? present)
    {
        // A text that is read from the database is an object in the file.
        if (present is JsonObject)
            return null;
        var prompt = new TextPrompt<string>(Markup.Escape(question) + ":").AllowEmpty();
        if (TextOf(present) is { Length: > 0 } known)
            prompt = prompt.DefaultValue(known);
        return console.Prompt(prompt) is { Length: > 0 } answer && answer != TextOf(present) ? answer : null;
    }

    string? Secret(string question, JsonNode? present) =>
        console.Prompt(new TextPrompt<string>(Markup.Escape(question + (present is null ? "" : " [kept]")) + ":").Secret().AllowEmpty()) is { Length: > 0 } answer ? answer : null;

    static string? TextOf(JsonNode? node) => node is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;
}
