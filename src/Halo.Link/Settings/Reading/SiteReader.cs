using Halo.Link.Engines;
using Halo.Link.Engines.Factory;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Bounds;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Settings.Reading;

/// <summary>Reads one entry of <c>sites</c>.</summary>
static class SiteReader
{
    /// <summary>The API enrols no site with longer ones. They always fit the line, which counts bytes.</summary>
    const int LongestName = ProtocolLimits.MaxIdentityCharacters;

    /// <summary>Bytes of JSON of ids, health and the like.</summary>
    const int BesideNames = 400, BesideCatalogue = 40;

    public static SiteSettings Read(SettingsNode node)
    {
        var engine = ReadEngine(node);
        var connectionString = node.Text("connectionString", "give the connection string of the practice's database");
        var database = ReadDatabase(node, "connectionString", engine, connectionString);
        var site = new SiteSettings
        {
            Engine = engine ?? EngineNames.Sqlite,
            ConnectionString = connectionString ?? "",
            PracticeManagementName = node.Source("practiceManagementName", "give the name of the practice's software, as \"Best Practice\"", mostCharacters: LongestName) ?? new("", null),
            PracticeManagementSiteId = node.Source("practiceManagementSiteId", "give the id that the software's vendor gave the practice", mostCharacters: LongestName) ?? new("", null),
            PracticeManagementVersion = node.Source("practiceManagementVersion", mostBytes: MessageBounds.Most<SiteDescription>("practiceManagementVersion")),
            PracticeName = node.Source("practiceName", mostBytes: MessageBounds.Most<SiteDescription>("practiceName")),
            Catalogues = ReadCatalogues(node, database ?? "main"),
            Policy = PolicyReader.Read(node, engine),
            Protection = ProtectionReader.Read(node, engine),
            Text = node.Written,
        };
        node.RefuseUnknown();
        return site;
    }

    /// <summary>Checks a connection string by its driver's own parser; gives the name of its database.</summary>
    public static string? ReadDatabase(SettingsNode node, string name, string? engine, string? connectionString)
    {
        if (engine is null || connectionString is null)
            return null;
        var target = DatabaseEngines.FindTarget(engine, connectionString);
        if (!string.IsNullOrWhiteSpace(target?.Database))
            return target.Database;
        if (target is null)
            node.Fault(name, $"is not one that the driver for {engine} can read: write it as keyword=value;keyword=value and put values with ; = or quotes into quotes.");
        else
            node.Fault(name, engine == EngineNames.Sqlite ? "names no file: write Data Source=path." : "names no database: write Database=name into it.");
        return null;
    }

    /// <summary>At most so many bytes of JSON describe the site to the API, apart from what its database says itself.</summary>
    public static long BytesTold(SiteSettings site) => BesideNames + site.Catalogues.Sum(c => BesideCatalogue + BytesOf(c.Name))
        + BytesOf(site.PracticeManagementName.Text) + BytesOf(site.PracticeManagementSiteId.Text) + BytesOf(site.PracticeManagementVersion?.Text) + BytesOf(site.PracticeName?.Text);

    /// <summary>What JSON escapes takes six bytes.</summary>
    static long BytesOf(string? text) => text?.Sum(c => char.IsAsciiLetterOrDigit(c) || c is ' ' or '-' or '_' or '.' ? 1L : 6L) ?? 0;

    static string? ReadEngine(SettingsNode node)
    {
        var text = node.Text("engine", $"give one of {string.Join(", ", EngineNames.All)}");
        if (text is null)
            return null;
        var engine = SettingsNode.OneOf(text, EngineNames.All);
        if (engine is null)
            node.Fault("engine", $"must be one of {string.Join(", ", EngineNames.All)}.");
        return engine;
    }

    static List<CatalogueSettings> ReadCatalogues(SettingsNode node, string database)
    {
        var nodes = node.Objects("catalogues", MessageBounds.Most<SiteDescription>("catalogues"), "leave out those that no integrator asks for");
        if (nodes is null or { Count: 0 })
            return [new(database, null, true)];
        var read = new List<CatalogueSettings>();
        foreach (var item in nodes)
        {
            var name = item.Text("name", "give the name by which integrators ask for it", mostCharacters: LongestName);
            read.Add(new(name ?? "", item.Text("database"), item.Truth("isDefault", nodes.Count == 1)));
            if (name is not null && read.SkipLast(1).Any(c => string.Equals(c.Name, name, StringComparison.OrdinalIgnoreCase)))
                item.Fault("name", "stands twice in this site: give each catalogue a name of its own.");
            item.RefuseUnknown();
        }
        if (read.Count(c => c.IsDefault) != 1)
            node.Fault("catalogues", "must have exactly one with \"isDefault\": true.");
        return read;
    }
}
