using System.Data.Common;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Halo.Client;

namespace Halo.Data;

/// <summary>The settings of a connection: <c>Api=https://halo.example;Key=…;Site=Best Practice/12345</c>. Keywords are compared without case; unknown ones are refused.</summary>
public sealed class HaloDbConnectionStringBuilder : DbConnectionStringBuilder
{
    const string ApiWord = "Api", KeyWord = "Key", SiteWord = "Site", CatalogueWord = "Catalogue", CommandTimeoutWord = "Command Timeout", QueueTimeoutWord = "Queue Timeout",
        RetryTimeoutWord = "Retry Timeout", AnswerTimeoutWord = "Answer Timeout", TagWord = "Tag", PersistWord = "Persist Security Info", EnlistWord = "Enlist",
        SplitWord = "Split Statements";

    /// <summary>Every keyword by all its names: those behind are what other providers call it.</summary>
    static readonly string[][] Words =
    [
        [ApiWord, "Data Source", "Server"], [KeyWord, "Password"], [SiteWord], [CatalogueWord, "Catalog", "Database", "Initial Catalog"], [CommandTimeoutWord, "CommandTimeout"],
        [QueueTimeoutWord, "QueueTimeout"], [RetryTimeoutWord, "RetryTimeout"], [AnswerTimeoutWord, "AnswerTimeout"], [TagWord, "Application Name"],
        [PersistWord, "PersistSecurityInfo"], [EnlistWord], [SplitWord, "SplitStatements"],
    ];

    static readonly Dictionary<string, string> Known = Words.SelectMany(w => w.Select(name => (name, w[0]))).ToDictionary(w => w.name, w => w.Item2, StringComparer.OrdinalIgnoreCase);

    /// <summary>Creates settings with their defaults.</summary>
    public HaloDbConnectionStringBuilder()
    {
    }

    /// <summary>Creates settings from a connection string.</summary>
    /// <exception cref="ArgumentException">It has an unknown keyword or a value that is none.</exception>
    public HaloDbConnectionStringBuilder(string? connectionString) => ConnectionString = connectionString;

    /// <summary>The service's address, as <c>https://halo.example</c>. Plain HTTP is refused except on loopback. Required.</summary>
    [AllowNull]
    public string Api
    {
        get => Text(ApiWord);
        set => this[ApiWord] = value;
    }

    /// <summary>The subscription key. Required. It is not shown by a connection that was opened, unless <see cref="PersistSecurityInfo"/> is set.</summary>
    [AllowNull]
    public string Key
    {
        get => Text(KeyWord);
        set => this[KeyWord] = value;
    }

    /// <summary>The practice: its site's id, or its system and its id in that, as <c>Best Practice/12345</c>. Required.</summary>
    [AllowNull]
    public string Site
    {
        get => Text(SiteWord);
        set => this[SiteWord] = value;
    }

    /// <summary>One of the site's databases; empty: its default.</summary>
    [AllowNull]
    public string Catalogue
    {
        get => Text(CatalogueWord);
        set => this[CatalogueWord] = value;
    }

    /// <summary>Seconds that a command may execute where it does not say itself; 0: as long as the service lets it. Default 30.</summary>
    public int CommandTimeout
    {
        get => Seconds(CommandTimeoutWord, 30);
        set => Set(CommandTimeoutWord, value);
    }

    /// <summary>Seconds that a command may wait before the database gets it, from 0 (at once or not at all) to 60. Default 30, the service's own.</summary>
    public int QueueTimeout
    {
        get => Seconds(QueueTimeoutWord, 30);
        set => Set(QueueTimeoutWord, value);
    }

    /// <summary>Seconds for which what failed on the way is tried again where that is safe; 0: never. Default 30.</summary>
    public int RetryTimeout
    {
        get => Seconds(RetryTimeoutWord, 30);
        set => Set(RetryTimeoutWord, value);
    }

    /// <summary>Seconds that nothing may come of an answer before the connection counts as lost, from 1. Default 120.</summary>
    public int AnswerTimeout
    {
        get => Seconds(AnswerTimeoutWord, 120);
        set => Set(AnswerTimeoutWord, value);
    }

    /// <summary>A mark of your own, up to 64 characters: shown with each query, and told to the database as the application's name. Empty: none.</summary>
    [AllowNull]
    public string Tag
    {
        get => Text(TagWord);
        set => this[TagWord] = value;
    }

    /// <summary>Whether a connection that was opened still shows the key in its connection string. Default false.</summary>
    public bool PersistSecurityInfo
    {
        get => Bool(PersistWord, false);
        set => this[PersistWord] = value;
    }

    /// <summary>Whether a connection that is opened within a <c>TransactionScope</c> is refused, since it cannot take part in it. False: its commands run outside. Default true.</summary>
    public bool Enlist
    {
        get => Bool(EnlistWord, true);
        set => this[EnlistWord] = value;
    }

    /// <summary>
    /// Whether a text of several statements, with semicolons between them, is sent as a batch: in one transaction, with a result for each that gives rows. Not for
    /// texts in which a statement has semicolons of its own (bodies of triggers) or declares what a later one uses. Default false.
    /// </summary>
    public bool SplitStatements
    {
        get => Bool(SplitWord, false);
        set => this[SplitWord] = value;
    }

    /// <summary>A setting by its keyword; null takes it away.</summary>
    /// <exception cref="ArgumentException">There is no such keyword, or the value is none of it.</exception>
    [AllowNull]
    public override object this[string keyword]
    {
        get => ContainsKey(NameOf(keyword)) ? base[NameOf(keyword)] : "";
        set
        {
            var name = NameOf(keyword);
            if (value is null)
            {
                Remove(name);
                return;
            }
            var text = Convert.ToString(value, CultureInfo.InvariantCulture) ?? "";
            if (name.EndsWith("Timeout", StringComparison.Ordinal) && !int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out _))
                throw new ArgumentException($"{name} takes a whole number of seconds, from 0.");
            if (name is PersistWord or EnlistWord or SplitWord && TryBool(text) is null)
                throw new ArgumentException($"{name} takes true or false.");
            base[name] = text;
        }
    }

    /// <inheritdoc/>
    public override bool ContainsKey(string keyword)
    {
        ArgumentNullException.ThrowIfNull(keyword);
        return Known.TryGetValue(keyword, out var name) && base.ContainsKey(name);
    }

    /// <inheritdoc/>
    public override bool Remove(string keyword)
    {
        ArgumentNullException.ThrowIfNull(keyword);
        return Known.TryGetValue(keyword, out var name) && base.Remove(name);
    }

    /// <inheritdoc/>
    public override bool TryGetValue(string keyword, [NotNullWhen(true)] out object? value)
    {
        ArgumentNullException.ThrowIfNull(keyword);
        value = null;
        return Known.TryGetValue(keyword, out var name) && base.TryGetValue(name, out value);
    }

    /// <summary>How the client is made.</summary>
    /// <exception cref="ArgumentException">Something is missing or wrong; the text names every fault.</exception>
    internal HaloClientOptions ToClient() => new HaloClientOptions
    {
        Address = Uri.TryCreate(Api, UriKind.Absolute, out var address) ? address : null,
        Key = Key,
        RetryTimeout = TimeSpan.FromSeconds(RetryTimeout),
        AnswerTimeout = TimeSpan.FromSeconds(AnswerTimeout),
    }.Checked();

    /// <summary>The connection string without its key.</summary>
    internal string WithoutKey()
    {
        var shown = new HaloDbConnectionStringBuilder(ConnectionString);
        shown.Remove(KeyWord);
        return shown.ConnectionString;
    }

    static string NameOf(string keyword)
    {
        ArgumentNullException.ThrowIfNull(keyword);
        return Known.TryGetValue(keyword, out var name)
            ? name
            : throw new ArgumentException($"Keyword not supported: {keyword}. The keywords are {string.Join(", ", Words.Select(w => w[0]))}.");
    }

    static bool? TryBool(string text) => text.Trim().ToUpperInvariant() switch
    {
        "TRUE" or "YES" or "1" => true,
        "FALSE" or "NO" or "0" => false,
        _ => null,
    };

    string Text(string name) => TryGetValue(name, out var value) ? (string)value : "";

    int Seconds(string name, int usual) => TryGetValue(name, out var value) ? int.Parse((string)value, CultureInfo.InvariantCulture) : usual;

    bool Bool(string name, bool usual) => TryGetValue(name, out var value) ? TryBool((string)value)!.Value : usual;

    void Set(string name, int seconds)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(seconds, name);
        this[name] = seconds;
    }
}
