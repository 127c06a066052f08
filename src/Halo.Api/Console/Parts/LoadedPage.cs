using Microsoft.AspNetCore.Components;

namespace Halo.Api.Console.Parts;

/// <summary>A page that reads before it is rendered: a component of its own would render once while it reads, without what it reads.</summary>
public abstract class LoadedPage : ComponentBase
{
    public sealed override async Task SetParametersAsync(ParameterView parameters)
    {
        parameters.SetParameterProperties(this);
        await LoadAsync();
        await base.SetParametersAsync(ParameterView.Empty);
    }

    /// <summary>Reads what the page shows; its parameters are set.</summary>
    protected abstract Task LoadAsync();
}
