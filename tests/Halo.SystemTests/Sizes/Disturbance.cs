namespace Halo.SystemTests.Sizes;

/// <summary>What happens while a query is under way.</summary>
enum Disturbance
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>The line is cut in the middle of what the Link sends.</summary>
    CutUp,

    /// <summary>The line is cut in the middle of what the API sends.</summary>
    CutDown,

    /// <summary>The line is cut, and the API killed and started again.</summary>
    ApiEnds,

    /// <summary>The line is cut, and the Link killed and started again.</summary>
    LinkEnds,
}
