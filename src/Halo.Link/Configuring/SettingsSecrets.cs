using System.Data.Common;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Halo.Link.Configuring;

/// <summary>Settings as people may see them.</summary>
static class SettingsSecrets
{
    const string Hidden = "…";

    /// <summary>What of a connection string people may see; drivers have more words for a password than one would think of.</summary>
    static readonly HashSet<string> Shown = new(
        [
            "datasource", "filename", "mode", "cache", "foreignkeys", "server", "address", "addr", "networkaddress", "host", "port", "database", "db", "initialcatalog", "username",
            "user", "userid", "uid", "encrypt", "trustservercertificate", "sslmode", "rootcertificate", "integratedsecurity", "trustedconnection", "trusted_connection",
            "applicationintent", "multisubnetfailover", "timeout", "connecttimeout", "connectiontimeout", "commandtimeout", "applicationname", "app", "maxpoolsize",
        ],
        StringComparer.OrdinalIgnoreCase);

    static readonly JsonSerializerOptions Writing = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>All of them but passwords and tokens.</summary>
    public static string Masked(JsonObject settings)
    {
        var shown = settings.DeepClone();
        Mask(shown);
        return shown.ToJsonString(Writing);
    }

    static void Mask(JsonNode? node)
    {
        if (node is JsonArray list)
        {
            foreach (var item in list)
                Mask(item);
            return;
        }
        if (node is not JsonObject all)
            return;
        foreach (var (name, value) in all.ToList())
        {
            if (IsSecret(name))
                all[name] = Hidden;
            else if (string.Equals(name, "connectionString", StringComparison.OrdinalIgnoreCase))
                all[name] = WithoutPassword(value);
            else if (value is JsonValue text && text.TryGetValue<string>(out var address) && Uri.TryCreate(address, UriKind.Absolute, out var uri) && uri.UserInfo.Length > 0)
                all[name] = address.Replace(uri.UserInfo, Hidden, StringComparison.Ordinal);
            else
                Mask(value);
        }
    }

    static bool IsSecret(string name) => name.Contains("token", StringComparison.OrdinalIgnoreCase) || name.Contains("password", StringComparison.OrdinalIgnoreCase);

    /// <summary>Hidden as a whole where it cannot be read: a password may stand anywhere in it.</summary>
    static string WithoutPassword(JsonNode? value)
    {
        try
        {
            var parts = new DbConnectionStringBuilder { ConnectionString = value!.GetValue<string>() };
            foreach (string key in parts.Keys.Cast<string>().ToList())
                if (!Shown.Contains(key.Replace(" ", "", StringComparison.Ordinal)))
                    parts[key] = Hidden;
            return parts.ConnectionString;
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException or NullReferenceException)
        {
            return Hidden;
        }
    }
}
