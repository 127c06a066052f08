using System.Text.Json.Nodes;

namespace Halo.Testing.Processes;

/// <summary>One site of a Link's configuration.</summary>
/// <param name="Engine"><c>sqlite</c>, <c>postgres</c> or <c>sqlServer</c>.</param>
public sealed record LinkSite(string Engine, string ConnectionString)
{
    public string PracticeManagementName { get; init; } = "Zedmed";

    public string PracticeManagementSiteId { get; init; } = "1";

    public string PracticeName { get; init; } = "Test Practice";

    /// <summary>The practice's policy, as the configuration file has it.</summary>
    public JsonObject? Policy { get; init; }

    /// <summary>How it is treated, likewise.</summary>
    public JsonObject? Protection { get; init; }

    public JsonObject ToJson()
    {
        var json = new JsonObject
        {
            ["engine"] = Engine,
            ["connectionString"] = ConnectionString,
            ["practiceManagementName"] = PracticeManagementName,
            ["practiceManagementSiteId"] = PracticeManagementSiteId,
            ["practiceManagementVersion"] = "1.0",
            ["practiceName"] = PracticeName,
        };
        if (Policy is not null)
            json["policy"] = Policy.DeepClone();
        if (Protection is not null)
            json["protection"] = Protection.DeepClone();
        return json;
    }
}
