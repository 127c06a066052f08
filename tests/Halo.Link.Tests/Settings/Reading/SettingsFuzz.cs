using System.Collections;
using System.Text;
using Halo.Link.Engines.Factory;
using Halo.Link.Settings;
using Halo.Link.Settings.Reading;

namespace Halo.Link.Tests.Settings.Reading;

/// <summary>Configuration files that nobody would write, from a seed.</summary>
sealed class SettingsFuzz(int seed)
{
    static readonly string[] Pieces =
    [
        "\\ud800", "\\u0000", "\u0000", "{", "}", "[", "]", ",", ":", "\"", "null", "true", "-1", "1e999", "99999999999999999999", "0", "\"\"", "{}", "[]", "//", "/*", "\\", "\n", "\r",
        "\u2028", "é", "😀", "\"sql\":", "{\"sql\":\"SELECT 1\"}", "\"api\":", "\"dataDirectory\":", "\"lanes\":", "\"connection\":", "\"policy\":", "\"integrators\":", "\"catalogues\":", "%s", "../..",
        "https://", "http://user:p@x", "Data Source=", "Host=;Port=x", "Password='", "=;=;", "\uFEFF", "\u001b[31m",
    ];

    readonly Random _random = new(seed);

    const string Good = """
        { // a comment
          "api": "https://halo.example", "enrolmentToken": "t", "dataDirectory": "data", "lanes": { "immediate": 4, "async": 2 },
          "spool": { "maxBytes": 4294967296, "waitForRoomMs": 1000 }, "proxy": { "address": "http://proxy:3128", "user": "u", "password": "p" },
          "connection": { "pingAfterMs": 20000, "firstWaitMs": 10 }, "upload": { "stallMs": 60000 }, "logLevel": "Debug", "telemetry": { "otlp": "http://127.0.0.1:4318" },
          "sites": [
            { "engine": "postgres", "connectionString": "Host=h;Database=pms;Password=hunter2", "practiceManagementName": { "sql": "SELECT 1" }, "practiceManagementSiteId": "1",
              "catalogues": [ { "name": "A", "database": "a", "isDefault": true }, { "name": "B" } ],
              "policy": { "default": { "modes": ["reader"], "maxRows": 5 }, "integrators": { "0198f0aa-0000-7000-8000-000000000001": { "connectionString": "Host=h;Database=pms", "maxSeconds": 3 } } } },
            { "engine": "sqlite", "connectionString": "Data Source=/d/c.db", "practiceManagementName": "Clínica", "practiceManagementSiteId": "2" },
          ],
        }
        """;

    /// <summary>The next file.</summary>
    public byte[] Next()
    {
        if (_random.Next(10) == 0)
        {
            var noise = new byte[_random.Next(200)];
            _random.NextBytes(noise);
            return noise;
        }
        var content = Encoding.UTF8.GetBytes(Good).ToList();
        for (var change = _random.Next(4); change >= 0; change--)
        {
            var at = _random.Next(content.Count + 1);
            switch (_random.Next(6))
            {
                case 0 when at < content.Count:
                    content[at] = (byte)_random.Next(256);
                    break;
                case 1:
                    content.InsertRange(at, Encoding.UTF8.GetBytes(Pieces[_random.Next(Pieces.Length)]));
                    break;
                case 2:
                    content.RemoveRange(at, Math.Min(_random.Next(40), content.Count - at));
                    break;
                case 3:
                    var from = _random.Next(content.Count + 1);
                    content.InsertRange(at, [.. content.Skip(from).Take(_random.Next(120))]);
                    break;
                case 4:
                    // A value in the place of another.
                    var colon = content.IndexOf((byte)':', Math.Min(at, Math.Max(0, content.Count - 1)));
                    var end = colon < 0 ? -1 : content.IndexOf((byte)',', colon);
                    if (end > colon)
                    {
                        content.RemoveRange(colon + 1, end - colon - 1);
                        content.InsertRange(colon + 1, Encoding.UTF8.GetBytes(Pieces[_random.Next(Pieces.Length)]));
                    }
                    break;
                case 5:
                    content = [.. _random.Next(4) switch
                    {
                        0 => Encoding.Latin1.GetBytes(Encoding.UTF8.GetString([.. content])),
                        1 => [0xFF, 0xFE, .. Encoding.Unicode.GetBytes(Encoding.UTF8.GetString([.. content]))],
                        2 => Encoding.BigEndianUnicode.GetBytes(Encoding.UTF8.GetString([.. content])),
                        _ => content.Take(at),
                    }];
                    break;
            }
        }
        return [.. content];
    }

    /// <summary>Read whole, so that a Link could start with it, or refused with at least one fault; no secret is shown.</summary>
    /// <returns>Whether it was read.</returns>
    public static bool AssertReadOrRefused(string file, Hashtable environment)
    {
        LinkSettings settings;
        try
        {
            settings = SettingsReader.Read(file, environment);
        }
        catch (SettingsException e)
        {
            Assert.NotEmpty(e.Faults);
            Assert.DoesNotContain("hunter2", e.Message, StringComparison.Ordinal);
            // The net under the reader: what it catches was not foreseen.
            Assert.DoesNotContain("undo the last change", e.Message, StringComparison.Ordinal);
            return false;
        }
        foreach (var site in settings.Sites)
            Assert.NotNull(DatabaseEngines.Create(site.Engine, site.ConnectionString, TimeProvider.System));
        return true;
    }
}
