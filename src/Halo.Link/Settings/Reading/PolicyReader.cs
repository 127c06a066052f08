namespace Halo.Link.Settings.Reading;

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
        var readOnly = node.Truth("readOnly", otherwise.ReadOnly);
        var maxRows = Limit(node, "maxRows", otherwise.MaxRows, long.MaxValue);
        var maxBytes = Limit(node, "maxBytes", otherwise.MaxBytes, long.MaxValue);
        var maxConcurrent = Limit(node, "maxConcurrent", otherwise.MaxConcurrent, 1000);
        node.RefuseUnknown();
        return new()
        {
            Modes = modes is null ? otherwise.Modes : new HashSet<string>(modes, StringComparer.OrdinalIgnoreCase),
            ConnectionString = connectionString ?? otherwise.ConnectionString,
            MaxSeconds = maxSeconds == 0 ? otherwise.MaxSeconds : maxSeconds,
            ReadOnly = readOnly,
            MaxRows = maxRows,
            MaxBytes = maxBytes,
            MaxConcurrent = (int?)maxConcurrent,
        };
    }

    /// <summary>0 takes back what stands in the default rules.</summary>
    static long? Limit(SettingsNode node, string name, long? otherwise, long most) =>
        node.Number(name, otherwise ?? 0, 0, most) is > 0 and var limit ? limit : null;
}
