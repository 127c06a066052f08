namespace Halo.Api.Settings;

/// <summary>Which new Links are trusted: the setting <c>Halo:Enrolment</c>.</summary>
enum EnrolmentMode
{
    /// <summary>With a token that an operator made. The default.</summary>
    Token,

    /// <summary>At once. For demonstration; warned of off loopback.</summary>
    Open,

    /// <summary>When an operator has approved it.</summary>
    Approval,
}
