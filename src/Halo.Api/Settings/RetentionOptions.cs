namespace Halo.Api.Settings;

/// <summary>How long records are kept: the settings under <c>Halo:Retention</c>. Results have a setting of their own (<see cref="ResultOptions.RetentionHours"/>).</summary>
sealed record RetentionOptions
{
    /// <summary>What <see cref="LedgerDays"/> is at least: no query that was accepted within it was ever taken out of the ledger.</summary>
    public const int LeastLedgerDays = 7;

    /// <summary>Days for which a query stays in the ledger after it was accepted (7 to 3650, default 400): a year's bills and a month to dispute them.</summary>
    public int LedgerDays { get; init; } = 400;

    /// <summary>Days for which the audit log is kept (30 to 36500, default 2555: seven years).</summary>
    public int AuditDays { get; init; } = 2555;

    /// <summary>Reads the section; what is wrong is added to <paramref name="faults"/>.</summary>
    public static RetentionOptions Read(IConfigurationSection section, List<string> faults) => new()
    {
        LedgerDays = ApiOptions.ReadInt(section, nameof(LedgerDays), 400, LeastLedgerDays, 3650, faults),
        AuditDays = ApiOptions.ReadInt(section, nameof(AuditDays), 2555, 30, 36_500, faults),
    };
}
