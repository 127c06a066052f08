namespace Halo.Link.Settings;

/// <summary>Reads a site's <c>policy</c>. A rule that this version would not hold to is a fault: a practice must not believe it is protected.</summary>
static class PolicyReader
{
    public static PolicySettings? Read(SettingsNode site, string? engine)
    {
        if (site.Object("policy") is not { } policy)
            return null;
        var standard = policy.Object("default") is { } rules ? ReadRules(rules, engine, new()) : new();
        var integrators = new Dictionary<Guid, PolicyRules>();
        if (policy.Object("integrators") is { } entries)
        {
            foreach (var name in entries.Names)
            {
                if (entries.Object(name) is not { } entry)
                    continue;
                var read = ReadRules(entry, engine, standard);
                if (!Guid.TryParse(name, out var id))
                    entries.Fault(name, "must be named by the integrator's id, as the operator of the Halo API tells it.");
                else if (!integrators.TryAdd(id, read))
                    entries.Fault(name, "stands twice: write the rules of an integrator in one place.");
            }
        }
        policy.RefuseUnknown();
        return new(standard, integrators);
    }

    static PolicyRules ReadRules(SettingsNode node, string? engine, PolicyRules otherwise)
    {
        var modes = node.Words("modes", PolicyModes.All);
        var connectionString = node.Text("connectionString");
        SiteReader.ReadDatabase(node, "connectionString", engine, connectionString);
        var maxSeconds = (int)node.Number("maxSeconds", 0, 0, 3600);
        if (node.Truth("readOnly", false))
            NotHeldTo(node, "readOnly", "give the integrator a login that can only read (connectionString), and leave this out");
        foreach (var name in (string[])["maxRows", "maxBytes", "maxConcurrent"])
            if (node.Number(name, 0, 0, long.MaxValue) > 0)
                NotHeldTo(node, name, "leave it out or write 0");
        node.RefuseUnknown();
        return new()
        {
            Modes = modes is null ? otherwise.Modes : new HashSet<string>(modes, StringComparer.OrdinalIgnoreCase),
            ConnectionString = connectionString ?? otherwise.ConnectionString,
            MaxSeconds = maxSeconds == 0 ? otherwise.MaxSeconds : maxSeconds,
        };
    }

    static void NotHeldTo(SettingsNode node, string name, string instead) =>
        node.Fault(name, $"is not enforced by this version of Halo Link: {instead}.");
}
